// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does wrong things on purpose, to show that the watch over the guest's log sees them:
 * insmod ta_splat.ko kind=warn|oops|bug
 */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/string.h>

static char *kind = "warn";
module_param(kind, charp, 0);
MODULE_PARM_DESC(kind, "warn (default), oops or bug");

static int __init ta_splat_init(void)
{
	if (!strcmp(kind, "warn"))
		WARN(1, "a warning on purpose\n");
	else if (!strcmp(kind, "oops"))
		*(volatile int *)NULL = 0;
	else if (!strcmp(kind, "bug"))
		BUG();
	else
		return -EINVAL;
	return 0;
}
module_init(ta_splat_init);

static void __exit ta_splat_exit(void)
{
}
module_exit(ta_splat_exit);

MODULE_DESCRIPTION("Warns, oopses or BUGs on purpose");
MODULE_LICENSE("GPL");
