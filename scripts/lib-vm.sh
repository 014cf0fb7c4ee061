# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
#
# Functions behind scripts/vm.sh: the initramfs, QEMU's arguments, KVM or TCG, the watch over a running
# guest. Callers set root, the clone.

: "${root:?}"

# What the options of scripts/vm.sh set, with their defaults.
mode='' kernel_dir='' assert_debug=0 unpatched=0 icount=0 smp=1 numa_nodes=0 mem_mib='' append='' log='' facts=''
timeout_s=600 silence_s=180
adds=() preloads=() allows=("$root/kernel/selftest/log-allow.txt")
# The directory of a run: console, stdout, stderr, status, initrd.
work=''

TAMALLOC_CACHE=${TAMALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamalloc}

say() { echo "vm: $*" >&2; }
die() {
	say "$@"
	exit "${code:-1}"
}

# A line of the kernel's log that starts like this means that something is wrong.
log_splat='^(WARNING: |BUG: |BUG |kernel BUG at |Oops|Kernel panic|Kernel BUG|INFO: task .* blocked|INFO: rcu|rcu: INFO: |INFO: lockdep|INFO: trying to register|INFO: possible|UBSAN: |KASAN: |general protection fault|invalid opcode|double fault|divide error|stack segment|int3: |watchdog: |list_(add|del) corruption|page_table_check|Unable to handle|refcount_t: |irq [0-9]+: nobody cared|DEBUG_LOCKS_WARN_ON|unreferenced object|=+ *$|.*(page allocation failure|bad page state|Bad page state|Bad rss-counter|Bad page map|deadlock detected))'

# The first line of a console log that is a splat and not in the allow-lists (exact lines, after the time
# stamp, CPU and PID numbers, and offsets are taken out). Returns 1 if there is none.
first_splat() { # LOG ALLOW...
	local log=$1 line
	shift
	line=$(tr -d '\r' < "$log" | sed -E \
		-e 's/^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? //' \
		-e 's/CPU: [0-9]+ (UID: [0-9]+ )?PID: [0-9]+/CPU: # PID: #/' \
		-e 's/\+0x[0-9a-f]+\/0x[0-9a-f]+//g' |
		grep -aE "$log_splat" | grep -aFxv -f <(sed '/^#/d; /^$/d' "$@") | head -1) || true
	[ -n "$line" ] && echo "$line"
}

copy_into() { # HOST_PATH STAGE GUEST_PATH: with the libraries of a dynamic program
	local lib
	mkdir -p "$2$(dirname "$3")"
	cp -rL "$1" "$2$3"
	[ -f "$1" ] || return 0
	{ ldd "$1" 2>/dev/null || true; } | { grep -oE '/[^ ]+\.so[^ ]*' || true; } | while read -r lib; do
		[ -e "$2$lib" ] || { mkdir -p "$2${lib%/*}" && cp -L "$lib" "$2$lib"; }
	done
}

copy_preload() { # LIBRARY STAGE: to where the loader found it, which looks there in the guest too
	local file
	file=$(env LD_TRACE_LOADED_OBJECTS=1 LD_PRELOAD="$1" "$BASH" 2>/dev/null |
		awk -v name="$1" '$1 == name && $2 == "=>" { print $3 } $1 == name && $2 ~ /^\(/ { print $1 }')
	[ ! -f "$file" ] || copy_into "$file" "$2" "$file"
}

# Build the initramfs OUT from busybox, our init, the kernel's modules and the --add arguments.
make_initramfs() { # OUT COMMAND_FILE ADD...
	local out=$1 command_file=$2 stage add from to busybox
	shift 2
	busybox=$(command -v busybox) || die "busybox was not found; install busybox-static"
	! ldd "$busybox" >/dev/null 2>&1 || die "$busybox is dynamically linked; install busybox-static"
	stage=$work/initramfs
	mkdir -p "$stage"/{bin,dev,etc/vm,lib/modules,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,var/tmp}
	cp "$busybox" "$stage/bin/busybox"
	cp "$root/scripts/vm-init.sh" "$stage/init"
	chmod 755 "$stage/init"
	ln -s busybox "$stage/bin/sh"
	echo 'root:x:0:0:root:/root:/bin/sh' > "$stage/etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >> "$stage/etc/passwd"
	echo 'root:x:0:' > "$stage/etc/group"
	printf 'MODE=%s\nASSERT_DEBUG=%s\nICOUNT=%s\n' "$mode" "$assert_debug" "$icount" > "$stage/etc/vm/settings"
	echo "Linux $(cat "$kernel_dir/version" 2>/dev/null || true) with tamalloc; your clone is at /host, modules in /lib/modules; leave with 'exit' or Ctrl-A X" > "$stage/etc/vm/welcome"
	cp "$command_file" "$stage/etc/vm/command"
	[ ! -f "$kernel_dir/boot-modules" ] || cp "$kernel_dir/boot-modules" "$stage/etc/vm"
	[ ! -d "$kernel_dir/modules" ] || find "$kernel_dir/modules" -name '*.ko' -exec cp -t "$stage/lib/modules" {} +
	for add in "$@"; do
		from=${add%%:*}
		to=/bin/$(basename "$from")
		[ "$from" = "$add" ] || to=${add#*:}
		[ -e "$from" ] || code=2 die "--add $from: no such file"
		copy_into "$from" "$stage" "$to"
	done
	for add in "${preloads[@]}"; do copy_preload "$add" "$stage"; done
	find "$stage" -exec touch -hd @946684800 {} +
	(cd "$stage" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet -R 0:0 --reproducible) > "$out"
	rm -rf "$stage"
}

# KVM only where a short boot shows that it works: it can be there and still not run a kernel. The answer
# is kept until the host is booted again.
choose_accelerator() {
	local memo=$TAMALLOC_CACHE/kvm-probe boot_id reason=
	boot_id=$(cat /proc/sys/kernel/random/boot_id)
	if [ -n "${TAMALLOC_VM_ACCEL:-}" ]; then
		accel=$TAMALLOC_VM_ACCEL
		return
	fi
	accel=tcg
	if [ "$icount" = 1 ]; then
		reason='instruction counting needs it'
	elif [ ! -e /dev/kvm ]; then
		reason='no /dev/kvm'
	elif [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		reason='/dev/kvm is not yours to open; see the group kvm'
	else
		if [ "$(cut -d' ' -f1 "$memo" 2>/dev/null || true)" != "$boot_id" ]; then
			say "trying whether KVM works (up to 20 s, once per boot of this machine)"
			local works=fails
			! TAMALLOC_VM_ACCEL=kvm "$root/scripts/vm.sh" run --kernel "$kernel_dir" --timeout 20 -- true >/dev/null 2>&1 || works=works
			mkdir -p "$TAMALLOC_CACHE"
			echo "$boot_id $works" > "$memo"
		fi
		if [ "$(cut -d' ' -f2 "$memo")" = works ]; then
			accel=kvm
			reason='a probe boot worked'
		else
			reason='/dev/kvm opens, but a probe boot did not finish'
		fi
	fi
	say "accelerator: $accel ($reason)"
}

# Fill the array qemu.
qemu_arguments() { # INITRD
	local cmdline i per_node_cpus first last
	cmdline="console=ttyS0,115200 earlyprintk=serial,ttyS0,115200 panic=-1 oops=panic nokaslr no_timer_check"
	cmdline+=" rcupdate.rcu_cpu_stall_timeout=300 workqueue.watchdog_thresh=600 loglevel=7 rdinit=/init"
	qemu=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -m "${mem_mib}M")
	if [ "$icount" = 1 ]; then
		# guest time is executed instructions: the same from run to run
		qemu+=(-accel tcg -icount "shift=0,sleep=off" -cpu "max,-erms,-fsrm,-rdrand,-rdseed" -rtc "base=2000-01-01,clock=vm" -seed 1)
		cmdline+=" clocksource=tsc tsc=reliable random.trust_cpu=off"
		# Calibrating the local timer spins through 0.2 s of guest time, 15 s of ours.
		cmdline+=" nolapic_timer lpj=4000000"
	elif [ "$accel" = kvm ]; then
		qemu+=(-accel kvm -cpu host)
	else
		qemu+=(-accel "tcg,thread=multi" -cpu max)
	fi
	qemu+=(-M "q35,hpet=off")
	if [ "$numa_nodes" -eq 0 ]; then
		qemu+=(-smp "$smp")
	else
		per_node_cpus=$(((smp + numa_nodes - 1) / numa_nodes))
		qemu+=(-smp "cpus=$smp,maxcpus=$((per_node_cpus * numa_nodes)),sockets=$numa_nodes")
		for ((i = 0; i < numa_nodes; i++)); do
			first=$((i * per_node_cpus))
			last=$((first + per_node_cpus - 1))
			qemu+=(-object "memory-backend-ram,id=mem$i,size=$((mem_mib / numa_nodes))M")
			qemu+=(-numa "node,nodeid=$i,memdev=mem$i,cpus=$first-$last")
		done
	fi
	qemu+=(-kernel "$kernel_dir/bzImage" -initrd "$1" -append "$cmdline${append:+ $append}")
}

# The ports that carry results: QEMU writes each byte to its file before the guest's write(2) returns, so
# a panic loses none. ioeventfd would make that asynchronous.
port_arguments() { # DIR
	local name
	qemu+=(-device "virtio-serial-pci,ioeventfd=off")
	for name in stdout stderr status; do
		: > "$1/$name"
		qemu+=(-chardev "file,id=$name,path=$1/$name" -device "virtserialport,chardev=$name,name=$name")
	done
	: > "$1/console"
	qemu+=(-chardev "file,id=console,path=$1/console" -serial chardev:console)
}

# Watch a running guest. Returns when QEMU has ended; sets trouble to one line if something was wrong.
watch_guest() { # DIR ALLOW...
	local dir=$1 started=$SECONDS last_change=$SECONDS size before=
	shift
	trouble=
	while kill -0 "$qemu_pid" 2>/dev/null; do
		sleep 0.2
		size=$(stat -c %s "$dir/console" "$dir/stdout" "$dir/stderr" | tr '\n' ' ')
		if [ "$size" != "$before" ]; then
			before=$size
			last_change=$SECONDS
			if first_splat "$dir/console" "$@" >/dev/null; then
				sleep 2 # the rest of the trace; a line that was half written
				trouble=$(first_splat "$dir/console" "$@") && break
			fi
		elif [ $((SECONDS - last_change)) -ge "$silence_s" ]; then
			trouble="silent for $silence_s s"
			break
		fi
		if [ $((SECONDS - started)) -ge "$timeout_s" ]; then
			trouble="not finished after $timeout_s s (--timeout)"
			break
		fi
	done
	stop_qemu
	[ -n "$trouble" ] || trouble=$(first_splat "$dir/console" "$@") || true
}

stop_qemu() {
	[ -n "${qemu_pid:-}" ] || return 0
	kill "$qemu_pid" 2>/dev/null || true
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "$qemu_pid" 2>/dev/null || break
		sleep 0.2
	done
	kill -9 "$qemu_pid" 2>/dev/null || true
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=
}
