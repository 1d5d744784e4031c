# Draws outage.svg and outage.png from the CSV files in this folder.
set datafile separator ','
set title "The wired link dies and returns"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Goodput (Mbit/s)"
set xrange [0.0:26.0]
set yrange [0:*]
set arrow from 5.0, graph 0 to 5.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "wired link dies" at 5.0, graph 0.96 offset 0.5,0 font ',10'
set arrow from 13.0, graph 0 to 13.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "returns" at 13.0, graph 0.9 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'outage.svg'
plot 'outage-mptcp.csv' using 'seconds':'goodput_mbits' with lines lw 2 lc rgb '#0072b2' title "MPTCP through the box", \
    'outage-tcp.csv' using 'seconds':'goodput_mbits' with lines lw 2 lc rgb '#d55e00' title "TCP, wired"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'outage.png'
replot
set output
