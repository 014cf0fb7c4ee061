// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/mm/tamalloc: see Documentation/ABI/testing/sysfs-kernel-mm-tamalloc. */
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/sysfs.h>
#include "tamalloc.h"

int tamalloc_max_order __read_mostly = PMD_ORDER;
unsigned long tamalloc_zero_pages __read_mostly = SZ_1M / PAGE_SIZE;

static ssize_t ahead_max_kb_show(struct kobject *kobj,
				 struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  PAGE_SIZE << READ_ONCE(tamalloc_max_order) >> 10);
}

static ssize_t ahead_max_kb_store(struct kobject *kobj,
				  struct kobj_attribute *attr, const char *buf,
				  size_t count)
{
	unsigned long kb;
	int order, error;

	error = kstrtoul(buf, 10, &kb);
	if (error)
		return error;
	if (!is_power_of_2(kb) || kb < PAGE_SIZE >> 10 || kb > PMD_SIZE >> 10)
		return -EINVAL;
	order = ilog2(kb) - (PAGE_SHIFT - 10);
	if (order && order < AHEAD_MIN_ORDER)
		return -EINVAL;
	WRITE_ONCE(tamalloc_max_order, order);
	return count;
}

static ssize_t zero_around_max_kb_show(struct kobject *kobj,
				       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n",
			  READ_ONCE(tamalloc_zero_pages) << (PAGE_SHIFT - 10));
}

static ssize_t zero_around_max_kb_store(struct kobject *kobj,
					struct kobj_attribute *attr,
					const char *buf, size_t count)
{
	unsigned long kb;
	int error;

	error = kstrtoul(buf, 10, &kb);
	if (error)
		return error;
	if (kb > PMD_SIZE >> 10 || kb % (PAGE_SIZE >> 10))
		return -EINVAL;
	WRITE_ONCE(tamalloc_zero_pages, kb >> (PAGE_SHIFT - 10));
	return count;
}

static struct kobj_attribute ahead_max_kb = __ATTR_RW(ahead_max_kb);
static struct kobj_attribute zero_around_max_kb = __ATTR_RW(zero_around_max_kb);

static struct attribute *tamalloc_attrs[] = {
	&ahead_max_kb.attr,
	&zero_around_max_kb.attr,
	NULL,
};

static const struct attribute_group tamalloc_group = {
	.attrs = tamalloc_attrs,
};

static int __init tamalloc_sysfs_init(void)
{
	struct kobject *kobj = kobject_create_and_add("tamalloc", mm_kobj);
	int error;

	if (!kobj)
		return -ENOMEM;
	error = sysfs_create_group(kobj, &tamalloc_group);
	if (error)
		kobject_put(kobj);
	return error;
}
subsys_initcall(tamalloc_sysfs_init);
