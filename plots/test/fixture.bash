# SPDX-License-Identifier: MIT
# A run's CSV files with made-up figures that follow simple rules, so that a chart's look can be foreseen.

# fixture_cells DIR TARGETS SUBJECTS WORKLOADS : lists separated by blanks. Of the subjects, names with
# "memset" or "populate" are eager; "calloc" ones are unsupported for fill 171.
fixture_cells() {
	awk -v targets="$2" -v subjects="$3" -v workloads="$4" 'BEGIN {
		print "cell_id,target,clock,cost_unit,subject,workload,size_bytes,fill,threads,params,n,outcome,reason,touch_cost_per_page,touch_cost_per_page_lo,touch_cost_per_page_hi,total_cost_per_page,total_cost_per_page_lo,total_cost_per_page_hi,alloc_cost,alloc_cost_lo,alloc_cost_hi,free_cost,free_cost_lo,free_cost_hi,committed_bytes,touched_bytes,committed_per_touched,minor_faults_alloc,minor_faults_touch,peak_rss_bytes,page_table_bytes,regret_time,regret_time_lo,regret_time_hi,regret_memory,latency_p50,reuse_cost_per_operation"
		nt = split(targets, target, " "); ns = split(subjects, subject, " "); nw = split(workloads, workload, " ")
		for (t = 1; t <= nt; t++) for (w = 1; w <= nw; w++) for (fill = 0; fill <= 171; fill += 171) for (s = 1; s <= ns; s++) {
			unit = target[t] == "vm" ? "icount,instructions" : "monotonic,ns"
			head = "id," target[t] "," unit "," subject[s] "," workload[w] ",268435456," fill ",1,\"a=1,b=2\",9,"
			if (fill && subject[s] ~ /calloc/) {
				print head "unsupported,\"calloc gives zeros only, \"\"always\"\"\",,,,,,,,,,,,,,,,,,,,,,,"
				continue
			}
			eager = subject[s] ~ /memset|populate/
			pages = workload[w] ~ /sparse/ ? 655 : 65536
			touch = subject[s] == "null" ? 12 : eager ? 20 : 1500 + 10 * s
			total = subject[s] == "null" ? 14 : eager ? (1200 + 10 * s) * 65536 / pages : touch + 90
			committed = subject[s] == "null" ? 0 : (eager ? 65536 : workload[w] ~ /^read/ ? 0 : pages) * 4096
			print head "ok,," touch "," touch * .95 "," touch * 1.05 "," total "," total * .9 "," total * 1.1 ",1,1,1,1,1,1," committed "," pages * 4096 ",1,0,0,0,0," (subject[s] == "null" ? ",,," : total / 1400 "," total / 1500 "," total / 1300 "," (committed > 0 ? committed / pages / 4096 : ""))
		}
	}' >"$1/cells.csv"
}

# fixture_latency DIR TARGETS SUBJECTS : adds latencies to fixture_cells' file; eager subjects allocate slowly
# and touch fast.
fixture_latency() {
	awk -v targets="$2" -v subjects="$3" -v cells="$1/cells.csv" 'BEGIN {
		print "target,clock,cost_unit,subject,workload,size_bytes,fill,threads,params,samples,operations,at_least,share"
		nt = split(targets, target, " "); ns = split(subjects, subject, " ")
		nz = split("16 4096 1048576 1073741824", size, " ")
		for (t = 1; t <= nt; t++) for (s = 1; s <= ns; s++) {
			unit = target[t] == "vm" ? "icount,instructions" : "monotonic,ns"
			eager = subject[s] ~ /memset|populate|null/
			for (d = 0; d <= 5; d++)
				print target[t] "," unit "," subject[s] ",touch-latency,67108864,0,1,,9,147456," (eager ? 30 : 500 + s) * 3 ^ d "," 10 ^ -d
			if (subject[s] == "null")
				continue
			for (z = 1; z <= nz; z++) {
				head = "id," target[t] "," unit "," subject[s] ",alloc-latency," size[z] ",0,1,,9,ok,,,,,,,,1,1,1,1,1,1,0,0,,0,0,0,0,1,1,1,,"
				print head (eager ? 20 + size[z] / 4 : 700 + s) "," >> cells
				if (size[z] <= 4096) {
					sub("alloc-latency", "small-blocks", head)
					print head "," 20 + s + size[z] / 8 >> cells
				}
			}
		}
	}' >"$1/latency.csv"
}

# fixture_fraction DIR TARGETS SUBJECTS : lazy cost rises with the share touched, eager cost does not.
fixture_fraction() {
	awk -v targets="$2" -v subjects="$3" 'BEGIN {
		print "target,clock,cost_unit,subject,size_bytes,fill,threads,touched_pct,n,total_cost,total_cost_lo,total_cost_hi"
		nt = split(targets, target, " "); ns = split(subjects, subject, " "); np = split("1 5 10 25 50 75 100", pct, " ")
		for (t = 1; t <= nt; t++) for (p = np; p >= 1; p--) for (s = 1; s <= ns; s++) {
			unit = target[t] == "vm" ? "icount,instructions" : "monotonic,ns"
			cost = subject[s] == "null" ? 9e5 : subject[s] ~ /memset|populate/ ? 7e7 + s * 1e6 : pct[p] * 1e6 + s * 1e5
			print target[t] "," unit "," subject[s] ",268435456,0,1," pct[p] ",9," cost "," cost * .95 "," cost * 1.05
		}
	}' >"$1/crossover.csv"
	{
		echo "target,size_bytes,fill,threads,lazy,eager,kind,touched_pct,touched_pct_lo,touched_pct_hi"
		for target in $2; do
			echo "$target,268435456,0,1,glibc/calloc,mmap/populate,at,74.2,70,78"
			echo "$target,268435456,0,1,mmap,mmap/populate,at,73.5,70,77"
			echo "$target,268435456,0,1,mmap,glibc/malloc+memset,lazy_cheaper,,,"
		done
	} >"$1/crossings.csv"
}

# fixture_timelines DIR SUBJECTS [STEP_MS] : a life of 12 steps of STEP_MS (default 50) each.
fixture_timelines() {
	local subject slug
	mkdir -p "$1/timeline"
	echo "subject,mode,outcome,reason,csv,rows,missed_ticks,lost_records,final_bytes,smaps_bytes" >"$1/timeline/index.csv"
	for subject in $2; do
		slug=$(tr -c 'a-z0-9.\n' - <<<"$subject")
		echo "$subject,sampled,ok,\"\",$slug.csv,1,0,,," >>"$1/timeline/index.csv"
		echo "$subject,exact,unsupported,\"tracefs cannot be read, run as root\",,0,0,,," >>"$1/timeline/index.csv"
		awk -v subject="$subject" -v step="${3:-50}" 'BEGIN {
			print "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark"
			split("reserve touch-25 touch-50 touch-75 touch-100 free", name, " ")
			eager = subject ~ /memset|populate/
			for (ms = 1; ms < 14 * step; ms++) {
				k = int(ms / step)
				if (ms % step == 0 && k % 2 == 1)
					print ms * 1e6 - 500 ",,,,," (k < 13 ? name[(k + 1) / 2] : "end")
				held = k < 1 || k >= 11 ? 0 : 256
				share = eager ? 1 : k < 3 ? 0 : k >= 9 ? 1 : (k - 1) / 8
				print ms * 1e6 "," (3 + held) * 1048576 "," (2 + held * share) * 1048576 "," 110 + int(65536 * (k >= 11 ? 1 : held ? share : 0)) ",0,"
			}
		}' >"$1/timeline/$slug.csv"
	done
}

# fixture_statistics DIR TARGETS : what asking for all processes costs, three ways, two repetitions.
fixture_statistics() {
	awk -v targets="$2" 'BEGIN {
		print "schema,kind,run_id,target,subject,workload,outcome,param_processes,metric_cost_per_process_ns,metric_cost_per_process_instructions"
		nt = split(targets, target, " "); np = split("100 1000 5000", processes, " ")
		ns = split("tamstat/syscall tamstat/proc-cached program/ps", subject, " ")
		for (t = 1; t <= nt; t++) for (p = 1; p <= np; p++) for (s = 1; s <= ns; s++) for (rep = 0; rep < 2; rep++) {
			ok = target[t] == "vm" || s > 1
			cost = ok ? 500 * 8 ^ s / processes[p] ^ 0.05 + rep : ""
			print "1,micro,r," target[t] "," subject[s] ",statistics," (ok ? "ok" : "unsupported") "," processes[p] "," (target[t] == "vm" ? "," cost : cost ",")
		}
		print "1,sample,r,host,mmap,dense-up,ok,,,"
	}' >"$1/samples.csv"
}

# fixture_apps DIR PROGRAMS LIBRARIES : each program under each library; the last library fails in the first program.
fixture_apps() {
	awk -v programs="$2" -v libraries="$3" 'BEGIN {
		print "program,subject,outcome,reason,n,time_ns,peak_committed_bytes"
		np = split(programs, program, " "); nl = split(libraries, library, " ")
		for (p = 1; p <= np; p++) for (l = 1; l <= nl; l++)
			if (p == 1 && l == nl)
				print program[p] "," library[l] ",failed,\"its output is wrong, line 2\",0,,"
			else
				print program[p] "," library[l] ",ok,,12," (2e8 + 1e7 * l) * p "," (l == nl ? 4e6 : 4e7 + 1e5 * l)
	}' >"$1/apps.csv"
}
