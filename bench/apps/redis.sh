# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='redis-server and redis-benchmark: 20,000 sets, lists and hashes over a socket; then keys, and a bitmap of 16 MB'
needs=(redis-cli=redis-tools redis-benchmark=redis-tools redis-check-rdb=redis-tools)
command=(bash work.sh)
setup() {
	# redis-tools has the server, too: one program under several names. (Installing redis-server
	# would start a daemon.)
	cat >work.sh <<-'END'
		set -eu
		rm -f socket
		timeout --foreground 100 bash -c 'exec -a redis-server redis-check-rdb --port 0 \
			--unixsocket "$PWD/socket" --save "" --daemonize no' >&2 &
		trap 'kill $! 2>/dev/null || :' EXIT
		for ((i = 0; i < 500; i++)); do
			[ ! -S socket ] || break
			sleep 0.01
		done
		redis-benchmark -s socket -q -n 20000 -c 20 -P 10 -r 1000000 -t set,lpush,hset >&2
		redis-cli -s socket <<-'COMMANDS' | sed 's/ *$//'
			setbit bits 134217727 1
			bitcount bits
			llen mylist
			eval "for i = 1, 50000 do redis.call('hset', 'h', i, i * 7) end return redis.call('hlen', 'h')" 0
			hget h 777
			strlen bits
		COMMANDS
		redis-cli -s socket shutdown nosave
		wait
	END
}
expected() { printf '%s\n' 0 1 20000 50000 5439 16777216; }
