/* SPDX-License-Identifier: MIT */
/*
 * Keeping a run on one NUMA node: where a worker runs and where its memory comes from would
 * otherwise differ from sample to sample.
 *
 * Contract. What is set holds for this process and everything that it starts afterwards, until they
 * end. A subject that asks for a placement of its own (numa/...) still gets it.
 */
#ifndef TA_PIN_H
#define TA_PIN_H

#include <jansson.h>
#include <stdint.h>

#define PIN_NONE (-1)

/*
 * "auto" (the node with most free memory where the machine has several, else none), "none" or a
 * node's number, into node. 0, or EXIT_USAGE after one line on stderr.
 */
int pin_parse(const char *text, int *node);
/*
 * Binds CPUs and memory to the node; PIN_NONE: does nothing. Returns what was done, for run.json:
 * {"node": 0, "cpus": 8, "memory": true}, with "reason" where something is not so; null for
 * PIN_NONE.
 */
json_t *pin_to_node(int node);
/* Free memory of the node, 0 where it cannot be told. */
uint64_t pin_free_bytes(int node);

#endif
