progs          += lab-watch
lab-watch-srcs := lab/watch.c lab/serial.c lab/steps.c
lab-watch-libs := httpc common
