/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODULE_H
#define MODULE_H

/*
 * Load $TAMALLOC_MODULES/NAME.ko (default: /lib/modules, as scripts/vm.sh puts it), or
 * unload module NAME without waiting. 0 or -errno, -ENOENT only if there is no such file;
 * loaded already and not loaded are no errors.
 */
int module_load(const char *name);
int module_unload(const char *name);

#endif /* MODULE_H */
