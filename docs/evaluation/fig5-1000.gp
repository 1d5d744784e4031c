# Draws fig5-1000.svg and fig5-1000.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 5: MTU of 1000 bytes, receive memory of 0.72 MB"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set ytics nomirror
set y2tics
set y2label "Waiting out of order (kB)"
set y2range [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig5-1000.svg'
plot 'fig5-long-1000.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'fig5-long-1000.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'fig5-long-1000.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both", \
    'fig5-long-1000.csv' using 'seconds':'waiting_kb' with lines lw 2 lc rgb '#cc79a7' axes x1y2 title "waiting at the client"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig5-1000.png'
replot
set output
