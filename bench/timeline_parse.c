// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_parse.h"

/* The unsigned number at *text, which moves past it. */
static bool number(const char **text, uint64_t *value)
{
	char *end;

	while (**text == ' ')
		(*text)++;
	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*value = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

bool timeline_parse_statm(const char *text, uint64_t page_bytes, struct timeline_row *row)
{
	uint64_t size_pages, resident_pages;

	if (!number(&text, &size_pages) || !number(&text, &resident_pages) || size_pages == 0)
		return false;
	row->reserved_bytes = size_pages * page_bytes;
	row->committed_bytes = resident_pages * page_bytes;
	return true;
}

bool timeline_parse_stat(const char *text, struct timeline_stat *stat)
{
	text = strrchr(text, ')'); /* ends field 2; the rest holds no parenthesis */
	return text &&
	       sscanf(text,
		      ") %c %d %*d %*d %*d %*d %*u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		      " %*d %*d %*d %*d %*d %*d %u",
		      &stat->state, &stat->parent, &stat->minor_faults, &stat->waited_minor_faults,
		      &stat->major_faults, &stat->waited_major_faults, &stat->threads) == 7;
}

bool timeline_parse_mark(const char *line, uint64_t now_ns, struct timeline_mark *mark)
{
	const char *held, *end;
	size_t n;

	mark->t_ns = now_ns;
	if (isdigit((unsigned char)*line) && (!number(&line, &mark->t_ns) || *line++ != ' '))
		return false;
	n = strlen(line);
	mark->held_bytes = 0;
	held = strstr(line, " held=");
	if (held) {
		n = (size_t)(held - line);
		end = held + strlen(" held=");
		if (!number(&end, &mark->held_bytes) || *end)
			return false;
	}
	if (n == 0 || n >= sizeof(mark->name))
		return false;
	/* It goes into a CSV and onto a chart as it is. */
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)line[i]) && !strchr("-_.%+ ", line[i]))
			return false;
	memcpy(mark->name, line, n);
	mark->name[n] = 0;
	return true;
}

/* Offset of field `name`, which must be `bytes` wide. */
static bool field_offset(const char *text, const char *name, unsigned bytes, unsigned *offset,
			 unsigned *record_bytes)
{
	size_t name_length = strlen(name);
	unsigned at, size;

	while ((text = strstr(text, "\tfield:"))) {
		const char *semicolon = strchr(text, ';'), *found;

		if (!semicolon)
			return false;
		found = semicolon - name_length;
		if (found <= text || strncmp(found, name, name_length) != 0 || found[-1] != ' ') {
			text = semicolon;
			continue;
		}
		if (sscanf(semicolon, "; offset:%u; size:%u;", &at, &size) != 2 || size != bytes)
			return false;
		*offset = at;
		if (at + size > *record_bytes)
			*record_bytes = at + size;
		return true;
	}
	return false;
}

/* The number that print fmt calls `name`, as in { 1, "MM_ANONPAGES" }, or -1. */
static int symbol_value(const char *text, const char *name)
{
	char quoted[32];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	at = strstr(text, quoted);
	if (!at)
		return -1;
	while (at > text && *at != '{')
		at--;
	return *at == '{' ? atoi(at + 1) : -1;
}

int timeline_parse_format(const char *text, struct rss_stat_format *f)
{
	const char *id = strstr(text, "\nID:");

	*f = (struct rss_stat_format){0};
	f->file_member = symbol_value(text, "MM_FILEPAGES");
	f->anon_member = symbol_value(text, "MM_ANONPAGES");
	f->shmem_member = symbol_value(text, "MM_SHMEMPAGES");
	if (!id || sscanf(id, "\nID: %u", &f->id) != 1 ||
	    !field_offset(text, "mm_id", 4, &f->mm_id_offset, &f->record_bytes) ||
	    !field_offset(text, "curr", 4, &f->curr_offset, &f->record_bytes) ||
	    !field_offset(text, "member", 4, &f->member_offset, &f->record_bytes) ||
	    !field_offset(text, "size", 8, &f->size_offset, &f->record_bytes) ||
	    f->record_bytes > RSS_STAT_MAX_BYTES || f->file_member < 0 || f->anon_member < 0)
		return -EPROTO;
	return 0;
}
