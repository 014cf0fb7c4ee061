# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of tamstat for bash.

_tamstat() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
	case $before in
	-p | --pid) words=$(cd /proc && printf '%s\n' [0-9]*) ;;
	-n | --name) words=$(cat /proc/[0-9]*/comm 2>/dev/null | grep -E '^[A-Za-z0-9._+:-]+$' | sort -u) ;;
	-u | --user) words=$(compgen -u) ;;
	-s | --sort) words='pid name reserved committed pct anon file shmem swap peak page-tables oom adj' ;;
	-b | --backend) words='syscall proc' ;;
	-l | --limit | -w | --watch | -c | --count) words= ;;
	*) words='--pid --name --user --sort --reverse --limit --total --json --kb --mb --watch --count --backend --help' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _tamstat tamstat
