# Draws fig7-free.svg and fig7-free.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 7: the same without a throttle, 0.72 MB"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig7-free.svg'
plot 'fig7-free-0.72.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'fig7-free-0.72.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'fig7-free-0.72.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig7-free.png'
replot
set output
