# Draws table1.svg and table1.png from the CSV files in this folder.
set datafile separator ','
set title "Table 1: distribution of conversion times"
set grid lc rgb '#dddddd'
set key above
set xlabel "Conversion time (ms)"
set ylabel "Share of all"
set xrange [0.01:200.0]
set logscale x
set yrange [0.0:1.0]
set arrow from 7.8341, graph 0 to 7.8341, graph 1 nohead dt 2 lc rgb '#555555'
set label "paper: SYN" at 7.8341, graph 0.96 offset 0.5,0 font ',10'
set arrow from 15.3311, graph 0 to 15.3311, graph 1 nohead dt 2 lc rgb '#555555'
set label "data" at 15.3311, graph 0.9 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'table1.svg'
plot 'table1-idle.csv' using 'syn_ms':'share' with lines lw 2 lc rgb '#0072b2' title "SYN, idle", \
    'table1-idle.csv' using 'data_ms':'share' with lines lw 2 lc rgb '#d55e00' title "data, idle", \
    'table1-full.csv' using 'syn_ms':'share' with lines lw 2 lc rgb '#009e73' title "SYN, links full", \
    'table1-full.csv' using 'data_ms':'share' with lines lw 2 lc rgb '#cc79a7' title "data, links full", \
    'table1-saturated.csv' using 'syn_ms':'share' with lines lw 2 lc rgb '#e69f00' title "SYN, saturated", \
    'table1-saturated.csv' using 'data_ms':'share' with lines lw 2 lc rgb '#56b4e9' title "data, saturated"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'table1.png'
replot
set output
