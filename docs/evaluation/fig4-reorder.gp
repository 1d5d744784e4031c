# Draws fig4-reorder.svg and fig4-reorder.png from the CSV files in this folder.
set datafile separator ','
set title "Fig. 4, continued: what waits, and what is sent twice (cubic)"
set grid lc rgb '#dddddd'
set key above
set xlabel "Receive memory (MB)"
set ylabel "Waiting out of order, most (kB)"
set xrange [0.09:4.4]
set logscale x
set yrange [0:*]
set ytics nomirror
set y2tics
set y2label "Segments in 4 s"
set y2range [0:*]
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fig4-reorder.svg'
plot 'fig4-sweep-cubic.csv' using 'buffer_mb':'waiting_kb_max':'waiting_kb_max_least':'waiting_kb_max_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#0072b2' title "waiting at the client", \
    'fig4-sweep-cubic.csv' using 'buffer_mb':'box_resent':'box_resent_least':'box_resent_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#d55e00' axes x1y2 title "sent again by the box", \
    'fig4-sweep-cubic.csv' using 'buffer_mb':'reinjected':'reinjected_least':'reinjected_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#009e73' axes x1y2 title "reinjected by the box", \
    'fig4-sweep-relay.csv' using 'buffer_mb':'server_resent':'server_resent_least':'server_resent_most' with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '#cc79a7' axes x1y2 title "by the server, relay's fixed"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fig4-reorder.png'
replot
set output
