# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='a hash join, partition by partition, in tables of 16 MiB sized ahead for a million rows of which 120 come'
short=yes
needs=(cc=gcc)
sizes=(400 1000000 120)
command=(./hash-join "${sizes[@]}")
setup() { cc -O2 -o hash-join "$here/hash-join.c"; }
expected() { ./hash-join "${sizes[@]}" sort; } # another way to the same result
