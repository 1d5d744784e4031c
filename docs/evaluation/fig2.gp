# Draws fig2.svg and fig2.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 2: sessions over one link, without the box"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig2.svg'
plot 'fig2-wired.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#0072b2' title "TCP, wired", \
    'fig2-wireless.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#d55e00' title "TCP, wireless", \
    'fig2-mptcp.csv' using 'seconds':'total_mbits' with lines lw 2 dt 2 lc rgb '#009e73' title "MPTCP client, fallen back"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig2.png'
replot
set output
