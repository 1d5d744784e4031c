# Draws cross-shape-cubic.svg and cross-shape-cubic.png from the CSV files in this folder.
set datafile separator ','
set title "Another user's TCP on the wired link: shape-cubic"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Goodput (Mbit/s)"
set xrange [0.0:24.0]
set yrange [0:*]
set arrow from 12.0, graph 0 to 12.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "rule" at 12.0, graph 0.96 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'cross-shape-cubic.svg'
plot 'cross-shape-cubic.csv' using 'seconds':'cross_mbits' with lines lw 2 lc rgb '#0072b2' title "the other user's TCP", \
    'cross-shape-cubic.csv' using 'seconds':'mptcp_mbits' with lines lw 2 lc rgb '#d55e00' title "MPTCP", \
    'cross-shape-cubic.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#009e73' title "of that by the wireless link"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'cross-shape-cubic.png'
replot
set output
