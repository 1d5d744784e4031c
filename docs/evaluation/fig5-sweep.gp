# Draws fig5-sweep.svg and fig5-sweep.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 5, continued: goodput by MTU"
set grid lc rgb '#dddddd'
set key above
set xlabel "MTU (bytes)"
set ylabel "Goodput (Mbit/s)"
set xrange [550.0:1530.0]
set yrange [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig5-sweep.svg'
plot 'fig5-same.csv' using 'mtu':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#0072b2' title "0.72 MB", \
    'fig5-grown.csv' using 'mtu':'goodput_mbits':'goodput_mbits_least':'goodput_mbits_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' title "0.72 MB · 1500 / MTU"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig5-sweep.png'
replot
set output
