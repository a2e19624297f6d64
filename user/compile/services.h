/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The service half of a policy: what its rules say of protocol and ports. A
 * service class is a set of services that the same specs cover; class 0 are those
 * that no spec covers.
 */
#ifndef BG_COMPILE_SERVICES_H
#define BG_COMPILE_SERVICES_H

#include "compile/writer.h"

/* Protocol and ports of a rule, as in struct bg_model_rule. */
struct bg_spec {
	int protocol, from_port, to_port;
};

/* Neighbouring intervals: class_of[first] .. class_of[end - 1]. */
struct bg_span {
	__u32 first, end;
};

struct bg_services {
	__u32 count;	 /* service classes, class 0 included */
	__u32 *class_of; /* by interval */
	/* spec s covers the spans span[start[s]] .. span[start[s + 1] - 1] */
	struct bg_span *spans;
	__u32 *start;
	__u32 vector[BG_SPACES]; /* as in struct bg_policy */
};

/* `specs` are distinct. 0, -ENOMEM or -E2BIG; the caller releases it in any case. */
int bg_services_build(struct bg_services *services, struct bg_writer *writer,
		      const struct bg_spec *specs, size_t count, struct bg_error *err);
void bg_services_release(struct bg_services *services);

#endif
