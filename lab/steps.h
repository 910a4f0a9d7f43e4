/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps - where each PC of the emulated segment stands, from three witnesses:
 * its serial port (firmware, Xen), the gateway (boot, dom0, enrolled, image)
 * and the central (domU: its worker asks for work; job: it has some).
 */
#ifndef STEPS_H
#define STEPS_H

#include <stdint.h>

#include <jansson.h>

#define PCS_MAX  16
#define PATH_LEN 512

enum step {
	STEP_FIRMWARE,
	STEP_BOOT,
	STEP_XEN,
	STEP_DOM0,
	STEP_ENROLLED,
	STEP_IMAGE,
	STEP_DOMU,
	STEP_JOB,
	STEP_COUNT
};

struct pc {
	const char *name;
	char serial[PATH_LEN];     /* its serial log */
	int64_t on_ms;             /* powered on, Unix milliseconds */
	int64_t at_ms[STEP_COUNT]; /* reached at; 0 not yet */
	int shown;                 /* steps already told, without a terminal */
	char state[32];            /* as the gateway has it */
	char error[256];
};

extern const char *const step_names[STEP_COUNT];

/* -1 if there is no step of that name. */
int step_by_name(const char *name);
/* Seconds from the step before it (or from power on). */
double step_seconds(const struct pc *pc, enum step step);
/* The first step not yet reached. */
enum step step_pending(const struct pc *pc);

/* What the gateway's and the central's list of nodes say of this PC. */
void steps_from_gateway(struct pc *pc, const json_t *nodes, int64_t now_ms);
void steps_from_central(struct pc *pc, const json_t *nodes, int64_t now_ms);
/* What its serial log shows. */
void steps_from_serial(struct pc *pc, int64_t now_ms);

#endif
