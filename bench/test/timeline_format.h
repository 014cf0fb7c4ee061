/* SPDX-License-Identifier: MIT */
/* tracefs' text about kmem:rss_stat, in parts: COMMON FIELDS PRINT. */
#ifndef TIMELINE_FORMAT_H
#define TIMELINE_FORMAT_H

#define COMMON                                                                 \
	"name: rss_stat\nID: 646\nformat:\n"                                   \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define PRINT                                                                              \
	"\nprint fmt: \"mm_id=%u curr=%d type=%s size=%ldB\", REC->mm_id, REC->curr, "     \
	"__print_symbolic(REC->member, { 0, \"MM_FILEPAGES\" }, { 1, \"MM_ANONPAGES\" }, " \
	"{ 2, \"MM_SWAPENTS\" }, { 3, \"MM_SHMEMPAGES\" }), REC->size\n"
#define FIELDS                                                         \
	"\tfield:unsigned int mm_id;\toffset:8;\tsize:4;\tsigned:0;\n" \
	"\tfield:unsigned int curr;\toffset:12;\tsize:4;\tsigned:0;\n" \
	"\tfield:int member;\toffset:16;\tsize:4;\tsigned:1;\n"        \
	"\tfield:long size;\toffset:24;\tsize:8;\tsigned:1;\n"

#endif
