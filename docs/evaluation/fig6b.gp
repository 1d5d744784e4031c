# Draws fig6b.svg and fig6b.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 6b: 5 MB again, the wired link held to 10 Mbit/s"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Throughput (Mbit/s)"
set yrange [0:*]
set arrow from graph 0, first 10.0 to graph 1, first 10.0 nohead dt 3 lc rgb '#555555'
set label "the throttle's rate" at graph 0.99, first 10.0 right offset 0,0.5 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig6b.svg'
plot 'fig6-again.csv' using 'seconds':'wired_mbits' with lines lw 2 lc rgb '#0072b2' title "wired", \
    'fig6-again.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#d55e00' title "wireless", \
    'fig6-again.csv' using 'seconds':'total_mbits' with lines lw 2 lc rgb '#009e73' title "both"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig6b.png'
replot
set output
