# Draws steering-backup.svg and steering-backup.png from the CSV files in this folder.
set datafile separator ','
set title "The wired link is made a backup; later the wireless link fails"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set xrange [0.0:30.0]
set yrange [0:*]
set arrow from 6.0, graph 0 to 6.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "rule" at 6.0, graph 0.96 offset 0.5,0 font ',10'
set arrow from 14.0, graph 0 to 14.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "wireless dies" at 14.0, graph 0.9 offset 0.5,0 font ',10'
set arrow from 21.0, graph 0 to 21.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "returns" at 21.0, graph 0.96 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'steering-backup.svg'
plot 'steering-backup.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'steering-backup.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'steering-backup.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'steering-backup.png'
replot
set output
