# Draws fig3-cubic.svg and fig3-cubic.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 3: MPTCP through the box, cubic"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set arrow from graph 0, first 86.06 to graph 1, first 86.06 nohead dt 3 lc rgb '#555555'
set label "TCP over the wired link alone" at graph 0.99, first 86.06 right offset 0,0.5 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig3-cubic.svg'
plot 'fig3-cubic.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'fig3-cubic.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'fig3-cubic.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig3-cubic.png'
replot
set output
