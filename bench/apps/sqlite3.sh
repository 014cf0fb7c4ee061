# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # read and set by scripts/app.sh
summary='sqlite3: a table of 120,000 rows in memory with an index, grouped, thinned out and rebuilt'
needs=(sqlite3=sqlite3)
command=(sqlite3 :memory: '.read work.sql')
setup() {
	cat >work.sql <<-'END'
		CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT, bytes BLOB);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
			INSERT INTO t SELECT i, hex(i * 7919 % 65537), zeroblob(i % 200) FROM n;
		CREATE INDEX w ON t(word);
		SELECT count(*), sum(length(bytes)), sum(id) FROM t;
		SELECT count(*) FROM (SELECT word FROM t GROUP BY word HAVING count(*) = 2);
		DELETE FROM t WHERE id % 3 = 0;
		VACUUM;
		PRAGMA integrity_check;
		SELECT count(*), sum(id) FROM t;
	END
}
# Sums in closed form; a word comes back after 65,537 rows.
expected() {
	echo "120000|$((600 * 199 * 200 / 2))|$((120000 * 120001 / 2))"
	echo $((120000 - 65537))
	echo ok
	echo "80000|$((120000 * 120001 / 2 - 3 * 40000 * 40001 / 2))"
}
