# Draws reactive-shape.svg and reactive-shape.png from the CSV files in this folder.
set datafile separator ','
set title "Another user comes to the wired link: held to 10 Mbit/s"
set grid lc rgb '#dddddd'
set key above
set xlabel "Time (s)"
set ylabel "Goodput (Mbit/s)"
set xrange [0.0:30.0]
set yrange [0:*]
set arrow from 8.0, graph 0 to 8.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "another user" at 8.0, graph 0.96 offset 0.5,0 font ',10'
set arrow from 22.0, graph 0 to 22.0, graph 1 nohead dt 2 lc rgb '#555555'
set label "gone" at 22.0, graph 0.9 offset 0.5,0 font ',10'
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'reactive-shape.svg'
plot 'reactive-shape.csv' using 'seconds':'cross_mbits' with lines lw 2 lc rgb '#0072b2' title "the other user's TCP", \
    'reactive-shape.csv' using 'seconds':'mptcp_mbits' with lines lw 2 lc rgb '#d55e00' title "MPTCP", \
    'reactive-shape.csv' using 'seconds':'wireless_mbits' with lines lw 2 lc rgb '#009e73' title "of that by the wireless link"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'reactive-shape.png'
replot
set output
