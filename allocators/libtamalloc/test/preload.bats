#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Unmodified programs do the same work, with the same result, under libtamalloc-preload.so.

bats_require_minimum_version 1.5.0

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export SHIM=$root/build/allocators/libtamalloc/libtamalloc-preload.so
	export LC_ALL=C.UTF-8 TAMALLOC_PRELOAD_MIN_BYTES=65536
	unset LD_PRELOAD
}

# Runs a command without and with the shim; stdout and exit status must be alike.
same() {
	local plain shimmed plain_status=0 shimmed_status=0
	plain=$("$@") || plain_status=$?
	shimmed=$(LD_PRELOAD=$SHIM "$@") || shimmed_status=$?
	[ "$plain_status" -eq "$shimmed_status" ]
	[ -n "$plain" ]
	[ "$plain" = "$shimmed" ]
}

@test "preload: every pointer survives free, realloc and malloc_usable_size" {
	cc -O2 -std=gnu11 -D_GNU_SOURCE -fno-builtin -Wall -Wextra -Werror -pthread \
		-o "$BATS_TEST_TMPDIR/check" "$BATS_TEST_DIRNAME/preload_check.c"
	run env LD_PRELOAD="$SHIM" "$BATS_TEST_TMPDIR/check"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "all right" ]
	# and without the shim the same program notices it
	run "$BATS_TEST_TMPDIR/check"
	[ "$status" -eq 1 ]
	[[ $output == *"is_ours(large)"* ]]
}

@test "preload: a wrong TAMALLOC_PRELOAD_MIN_BYTES is said, and not used" {
	for wrong in 100 64K -1; do
		run --separate-stderr env TAMALLOC_PRELOAD_MIN_BYTES=$wrong LD_PRELOAD="$SHIM" /bin/true
		[ "$status" -eq 0 ]
		# shellcheck disable=SC2154 # set by run
		[[ $stderr == *"='$wrong' is not a number of bytes above 32768; 131072 is used"* ]]
	done
}

# What a program does to SIGTRAP while its blocks are watched (perf refused: they are not, and all is well, too).
@test "preload: a program that sets SIGTRAP gets no trap of ours" {
	cc -O1 -D_GNU_SOURCE -Wall -Wno-deprecated-declarations -o "$BATS_TEST_TMPDIR/traps" "$BATS_TEST_DIRNAME/traps.c"
	for how in default ignore sysv ssignal sigset sigignore action handler vfork; do
		run env TAMALLOC_ACCEL=1 LD_PRELOAD="$SHIM" "$BATS_TEST_TMPDIR/traps" $how
		echo "$how: $status $output"
		[ "$status" -eq 0 ]
		[ "$output" = "0 traps" ]
	done
}

@test "preload: only the allocator's names are exported, and what sets a signal's handler" {
	run env LC_ALL=C sh -c "nm --dynamic --defined-only '$SHIM' | awk '{ print \$3 }' | sort | tr '\n' ' '"
	[ "$output" = "__sysv_signal calloc free free_aligned_sized free_sized malloc_usable_size realloc reallocarray sigaction sigignore signal sigset ssignal sysv_signal " ]
}

@test "preload: python3 with numpy" {
	/usr/bin/python3 -c 'import numpy' || skip "python3-numpy is not installed"
	cat >"$BATS_TEST_TMPDIR/work.py" <<-'END'
		import numpy, threading, subprocess, sys, json, zlib
		zeros = numpy.zeros(10_000_000)
		zeros[::1000] = numpy.arange(10_000)
		print(zeros.sum(), zeros.nonzero()[0].size)
		zeros.resize(20_000_000, refcheck=False)
		print(zeros.sum(), zeros.shape)
		zeros.resize(10, refcheck=False)
		print(zeros)
		a = numpy.zeros((600, 600), dtype=numpy.int64) + numpy.arange(600)
		print((a @ a.T).sum(), a.cumsum().max())
		sums = [0] * 4
		def work(i):
		    for n in range(50):
		        sums[i] += int(numpy.zeros(20_000 + n * 5_000, dtype=numpy.int32).sum() + n)
		threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		print(sums)
		print(subprocess.check_output([sys.executable, "-c", "import numpy; print(numpy.zeros(10**6).size)"]).decode())
		text = json.dumps(list(range(200_000)))
		print(zlib.crc32(zlib.decompress(zlib.compress(text.encode()))))
	END
	same /usr/bin/python3 "$BATS_TEST_TMPDIR/work.py"
	run env LD_PRELOAD="$SHIM" /usr/bin/python3 -c \
		'import numpy; print(numpy.zeros(10**6).__array_interface__["data"][0] % 4096)'
	[ "$output" = 0 ]
}

@test "preload: sqlite3" {
	command -v sqlite3 || skip "sqlite3 is not installed"
	same sqlite3 :memory: "PRAGMA cache_size=20000;
		CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT, bytes BLOB);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<50000)
			INSERT INTO t SELECT i, hex(i*7919%65537), zeroblob(i%300) FROM n;
		INSERT INTO t VALUES (100000, 'large', zeroblob(5000000));
		CREATE INDEX w ON t(word);
		SELECT count(*), sum(length(bytes)), min(word), max(word) FROM t;
		SELECT word, count(*) FROM t GROUP BY word ORDER BY 2 DESC, 1 LIMIT 5;
		DELETE FROM t WHERE id%3=0; VACUUM; PRAGMA integrity_check; SELECT count(*) FROM t;"
}

@test "preload: gcc" {
	cp "$BATS_TEST_DIRNAME/../large.c" "$BATS_TEST_TMPDIR/large.c"
	compile() {
		gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -I"$BATS_TEST_DIRNAME/.." -o "$1" -c "$BATS_TEST_TMPDIR/large.c"
	}
	compile "$BATS_TEST_TMPDIR/plain.o"
	LD_PRELOAD=$SHIM compile "$BATS_TEST_TMPDIR/shimmed.o"
	cmp "$BATS_TEST_TMPDIR/plain.o" "$BATS_TEST_TMPDIR/shimmed.o"
}

# Debian's redis-tools holds the server too, under another name (and starts no daemon).
redis_work() {
	local socket=$BATS_TEST_TMPDIR/redis.sock server i
	rm -f "$BATS_TEST_TMPDIR/dump.rdb"
	# 3>&- 4>&-: bats waits for whoever holds these.
	(cd "$BATS_TEST_TMPDIR" && exec -a redis-server redis-check-rdb --port 0 --unixsocket "$socket" \
		--save '' --daemonize no >&2 3>&- 4>&-) &
	server=$!
	for ((i = 0; i < 200; i++)); do
		redis-cli -s "$socket" ping >/dev/null 2>&1 && break
		sleep 0.1
	done
	[ -z "${LD_PRELOAD:-}" ] || grep -q libtamalloc-preload "/proc/$server/maps" || return 1
	redis-cli -s "$socket" setbit bits 80000000 1
	redis-cli -s "$socket" bitcount bits
	redis-cli -s "$socket" eval 'for i = 1, 50000 do redis.call("hset", "hash", i, i * 7) end
		return redis.call("hlen", "hash")' 0
	redis-cli -s "$socket" hget hash 777
	redis-cli -s "$socket" setrange text 3000000 end
	redis-cli -s "$socket" strlen text
	redis-cli -s "$socket" bgsave
	for ((i = 0; i < 200; i++)); do
		redis-cli -s "$socket" info persistence | tr -d '\r' | grep -qx rdb_bgsave_in_progress:0 && break
		sleep 0.1
	done
	redis-cli -s "$socket" info persistence | tr -d '\r' | grep -x rdb_last_bgsave_status:ok
	redis-cli -s "$socket" del bits hash text
	redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1
	wait $server
}

@test "preload: redis-server" {
	command -v redis-cli redis-check-rdb || skip "redis-tools is not installed"
	plain=$(redis_work)
	shimmed=$(
		export LD_PRELOAD=$SHIM
		redis_work
	)
	echo "$plain"
	[ "$(wc -l <<<"$plain")" -ge 9 ]
	[ "$plain" = "$shimmed" ]
}
