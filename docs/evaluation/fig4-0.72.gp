# Draws fig4-0.72.svg and fig4-0.72.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 4: receive memory of 0.72 MB"
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
set output 'fig4-0.72.svg'
plot 'fig4-long-0.72.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'fig4-long-0.72.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'fig4-long-0.72.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both", \
    'fig4-long-0.72.csv' using 'seconds':'waiting_kb' with lines lw 2 lc rgb '#cc79a7' axes x1y2 title "waiting at the client"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig4-0.72.png'
replot
set output
