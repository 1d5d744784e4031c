# Draws fairness.svg and fairness.png from the CSV files in this folder.
set datafile separator ','
set title "Ten users of the same two links"
set grid lc rgb '#dddddd'
set key above
set xlabel "User"
set ylabel "Goodput (Mbit/s)"
set yrange [0:*]
set style data histograms
set terminal svg size 800,420 font 'Helvetica,12' background 'white'
set output 'fairness.svg'
plot 'fairness-users.csv' using 'tcp':xtic(stringcolumn('user')) with histograms fs solid 0.6 lc rgb '#0072b2' title "all TCP, without the box", \
    'fairness-users.csv' using 'mptcp':xtic(stringcolumn('user')) with histograms fs solid 0.6 lc rgb '#d55e00' title "all MPTCP, with the box", \
    'fairness-users.csv' using 'mixed':xtic(stringcolumn('user')) with histograms fs solid 0.6 lc rgb '#009e73' title "with the box, 1 to 5 MPTCP, 6 to 10 TCP"
set terminal pngcairo size 800,420 font 'Helvetica,11'
set output 'fairness.png'
replot
set output
