// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_TAMALLOC_DEBUG_ALL: while /sys/kernel/debug/tamalloc_all holds Y, every
 * new private anonymous mapping is memory of tamalloc(2) whose fill is 0.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/tamalloc.h>

static bool tamalloc_all;

/**
 * tamalloc_debug_flags - what to add to the flags of a new private anonymous VMA
 * @vm_flags: those that it has
 *
 * Memory that is tamalloc's anyway keeps its fill.
 *
 * Return: VM_TAMALLOC, or 0 if the switch is off or the VMA grows as a stack does.
 */
vm_flags_t tamalloc_debug_flags(vm_flags_t vm_flags)
{
	if (!READ_ONCE(tamalloc_all))
		return 0;
	if (vm_flags & (VM_GROWSDOWN | VM_GROWSUP | VM_SHADOW_STACK))
		return 0;
	return VM_TAMALLOC;
}

static int __init tamalloc_debug_init(void)
{
	debugfs_create_bool("tamalloc_all", 0600, NULL, &tamalloc_all);
	return 0;
}
late_initcall(tamalloc_debug_init);
