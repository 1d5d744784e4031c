# Draws fig7-total.svg and fig7-total.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 7, continued: what arrives, memory tuned by the kernel"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig7-total.svg'
plot 'fig7-free.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#0072b2' title "MPTCP", \
    'fig7-70mbit.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#d55e00' title "wired held to 70", \
    'fig7-10mbit.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "wired held to 10", \
    'fig7-tcp-wired.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#cc79a7' title "TCP, wired", \
    'fig7-tcp-wireless.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#e69f00' title "TCP, wireless"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig7-total.png'
replot
set output
