# Draws fig4-sweep.svg and fig4-sweep.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 4, continued: goodput by receive memory"
set grid lc rgb '#dddddd'
set key above
set xlabel "Receive memory (MB)"
set ylabel "Goodput (Mbit/s)"
set xrange [0.09:4.4]
set logscale x
set yrange [0:*]
set arrow from 0.8625, graph 0 to 0.8625, graph 1 nohead dt 2 lc rgb '#555555'
set label "RFC 6182" at 0.8625, graph 0.96 offset 0.5,0 font ',10'
set arrow from 1.86875, graph 0 to 1.86875, graph 1 nohead dt 2 lc rgb '#555555'
set label "with a full queue" at 1.86875, graph 0.9 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig4-sweep.svg'
plot 'fig4-sweep-cubic.csv' using 'buffer_mb':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#0072b2' title "MPTCP, cubic", \
    'fig4-sweep-bbr.csv' using 'buffer_mb':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title "MPTCP, bbr", \
    'fig4-sweep-relay.csv' using 'buffer_mb':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#009e73' title "MPTCP, cubic, the relay's as well", \
    'fig4-sweep-tcp.csv' using 'buffer_mb':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#cc79a7' title "TCP over the wired link"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig4-sweep.png'
replot
set output
