# Draws reactive-none.svg and reactive-none.png from the CSV files in this folder.
set datafile separator ','
set title "Another user comes to the wired link: no rule"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Goodput (Mbit/s)"
set xrange [0.0:30.0]
set yrange [0:*]
set arrow from 8.0, graph 0 to 8.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "another user" at 8.0, graph 0.96 offset 0.5,0 font ',10'
set arrow from 22.0, graph 0 to 22.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "gone" at 22.0, graph 0.9 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'reactive-none.svg'
plot 'reactive-none.csv' using 'seconds':'cross_mbits' with lines lw 2 lc rgb '#0072b2' title "the other user's TCP", \
    'reactive-none.csv' using 'seconds':'mptcp_mbits' with lines lw 2 lc rgb '#d55e00' title "MPTCP", \
    'reactive-none.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#009e73' title "of that by the wireless link"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'reactive-none.png'
replot
set output
