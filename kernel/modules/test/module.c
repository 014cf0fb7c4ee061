// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "module.h"

int module_load(const char *name)
{
	const char *dir = getenv("TAMALLOC_MODULES");
	char path[256];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/%s.ko", dir ? dir : "/lib/modules", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		error = errno == ENOENT ? -ENOEXEC : -errno;	/* an unknown symbol */
	close(fd);
	return error;
}

int module_unload(const char *name)
{
	if (syscall(SYS_delete_module, name, O_NONBLOCK) && errno != ENOENT)
		return -errno;
	return 0;
}
