// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "timeline_exact.h"

#define FORMAT_FILE	"events/kmem/rss_stat/format"
#define MAX_FORMAT_TEXT 8192

/*
 * A descriptor of tracefs' root: where it is mounted, else a mount of our own that no one else sees
 * and that goes away with the descriptor. Or -errno.
 */
static int open_tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	int fd, context, refused = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (faccessat(fd, FORMAT_FILE, R_OK, AT_EACCESS) == 0)
			return fd;
		if (errno == EACCES)
			refused = EACCES;
		close(fd);
	}
	context = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (context < 0)
		return refused ? -refused : -errno;
	fd = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (fd == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (fd < 0)
		fd = -errno;
	close(context);
	return fd;
}

static int read_format(struct rss_stat_format *format, char *reason, size_t reason_bytes)
{
	char text[MAX_FORMAT_TEXT];
	int root = open_tracefs(), fd, error;
	ssize_t n, total = 0;

	if (root < 0) {
		snprintf(
			reason, reason_bytes,
			"tracefs cannot be read (%s); run as root, or have root mount it readable: "
			"mount -t tracefs tracefs /sys/kernel/tracing",
			strerror(-root));
		return root;
	}
	fd = openat(root, FORMAT_FILE, O_RDONLY | O_CLOEXEC);
	error = fd < 0 ? errno : 0;
	close(root);
	if (fd < 0) {
		snprintf(reason, reason_bytes,
			 "this kernel's tracefs has no readable kmem/rss_stat event (%s); it needs "
			 "CONFIG_EVENT_TRACING and Linux 6.2 or newer",
			 strerror(error));
		return -error;
	}
	while ((n = read(fd, text + total, sizeof(text) - 1 - (size_t)total)) > 0)
		total += n;
	close(fd);
	text[total] = 0;
	if (timeline_parse_format(text, format)) {
		snprintf(reason, reason_bytes,
			 "this kernel's kmem:rss_stat has other fields than mm_id, curr, member, "
			 "size");
		return -EPROTO;
	}
	return 0;
}

static bool kernel_counts_exactly(void)
{
	struct utsname kernel;
	int major = 0, minor = 0;

	/* Before 6.2 the event is only raised when a thread's cache of counters is written back. */
	return uname(&kernel) == 0 && sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

int exact_open(struct exact *e, pid_t pid, size_t ring_bytes, char *reason, size_t reason_bytes)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.enable_on_exec = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int error;

	*e = (struct exact){
		.fd = -1, .page_bytes = (size_t)sysconf(_SC_PAGESIZE), .ring_bytes = ring_bytes};
	if (!kernel_counts_exactly()) {
		snprintf(reason, reason_bytes,
			 "the tracepoint kmem:rss_stat is exact from Linux 6.2 on; this kernel is "
			 "older");
		return -ENOTSUP;
	}
	error = read_format(&e->format, reason, reason_bytes);
	if (error)
		return error;
	attr.config = e->format.id;
	e->fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (e->fd < 0) {
		error = errno;
		snprintf(reason, reason_bytes,
			 "perf_event_open refused the tracepoint kmem:rss_stat (%s); run as root, "
			 "with "
			 "CAP_PERFMON, or with kernel.perf_event_paranoid=-1",
			 strerror(error));
		return -error;
	}
	e->ring = mmap(NULL, e->page_bytes + e->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       e->fd, 0);
	if (e->ring == MAP_FAILED) {
		error = errno;
		snprintf(reason, reason_bytes,
			 "the kernel gives no perf ring of 8 MiB (%s); run as root, or raise "
			 "kernel.perf_event_mlock_kb to 8196",
			 strerror(error));
		close(e->fd);
		e->fd = -1;
		return -error;
	}
	return 0;
}

uint64_t exact_total_bytes(const struct exact *e)
{
	if (e->n_events == 0)
		return TIMELINE_UNKNOWN;
	return e->events[e->n_events - 1].committed_bytes;
}

uint64_t exact_lost_records(const struct exact *e)
{
	uint64_t values[2]; /* events, and those of them that were lost */

	if (read(e->fd, values, sizeof(values)) != (ssize_t)sizeof(values))
		return TIMELINE_UNKNOWN;
	return values[1];
}

int exact_record(struct exact *e, uint64_t t_ns, const void *raw, size_t raw_bytes)
{
	const unsigned char *bytes = raw;
	uint32_t mm_id, curr;
	int32_t member;
	int64_t size;

	if (raw_bytes < e->format.record_bytes)
		return 0;
	memcpy(&mm_id, bytes + e->format.mm_id_offset, sizeof(mm_id));
	memcpy(&curr, bytes + e->format.curr_offset, sizeof(curr));
	memcpy(&member, bytes + e->format.member_offset, sizeof(member));
	memcpy(&size, bytes + e->format.size_offset, sizeof(size));
	if (!curr) /* another process's memory: exec's and exit's old one, fork's new one */
		return 0;
	if (e->n_events == 0 || mm_id != e->mm_id) { /* the first, or a further exec */
		e->mm_id = mm_id;
		e->file_bytes = e->anon_bytes = e->shmem_bytes = 0;
	}
	if (member == e->format.anon_member)
		e->anon_bytes = size;
	else if (member == e->format.file_member)
		e->file_bytes = size;
	else if (member == e->format.shmem_member)
		e->shmem_bytes = size;
	else
		return 0;
	if (e->n_events == e->max_events) {
		size_t max = e->max_events ? 2 * e->max_events : 65536;
		struct timeline_event *events = realloc(e->events, max * sizeof(*events));

		if (!events)
			return -ENOMEM;
		e->events = events;
		e->max_events = max;
	}
	e->events[e->n_events++] = (struct timeline_event){
		.t_ns = t_ns,
		.committed_bytes = (uint64_t)(e->file_bytes + e->anon_bytes + e->shmem_bytes),
	};
	return 0;
}

/* Copies bytes [at, at + n) of the ring's data, which wraps. */
static void ring_copy(const struct exact *e, uint64_t at, void *to, size_t n)
{
	const unsigned char *data = (const unsigned char *)e->ring + e->page_bytes;
	size_t offset = at % e->ring_bytes,
	       first = e->ring_bytes - offset < n ? e->ring_bytes - offset : n;

	memcpy(to, data + offset, first);
	memcpy((unsigned char *)to + first, data, n - first);
}

int exact_drain(struct exact *e)
{
	struct perf_event_mmap_page *page = e->ring;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	int error = 0;

	while (tail < head && !error) {
		struct perf_event_header header;
		struct {
			uint64_t t_ns;
			uint32_t raw_bytes;
			unsigned char raw[RSS_STAT_MAX_BYTES];
		} body;
		size_t n;

		ring_copy(e, tail, &header, sizeof(header));
		if (header.size < sizeof(header)) /* cannot be: never loop on it */
			break;
		n = header.size - sizeof(header);
		if (n > sizeof(body))
			n = sizeof(body);
		ring_copy(e, tail + sizeof(header), &body, n);
		if (header.type == PERF_RECORD_SAMPLE)
			error = exact_record(e, body.t_ns, body.raw, body.raw_bytes);
		tail += header.size;
	}
	__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
	return error;
}

void exact_close(struct exact *e)
{
	if (e->fd < 0)
		return;
	munmap(e->ring, e->page_bytes + e->ring_bytes);
	close(e->fd);
	e->fd = -1;
}
