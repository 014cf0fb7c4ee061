// SPDX-License-Identifier: MIT
/* 1 GiB in which every byte reads as 0xab: only what is touched is committed. */
#include <stdio.h>
#include <tamalloc.h>

int main(void)
{
	size_t size_bytes = (size_t)1 << 30;
	unsigned char *bytes = tamalloc_fill(size_bytes, 0xab);

	if (!bytes) {
		perror("tamalloc_fill");
		return 1;
	}
	printf("first %#x, middle %#x, last %#x\n", bytes[0], bytes[size_bytes / 2],
	       bytes[size_bytes - 1]);
	bytes[42] = 7;
	printf("after a write %#x, beside it %#x\n", bytes[42], bytes[43]);
	tafree(bytes);
	return 0;
}
