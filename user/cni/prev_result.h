/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the plugins before ours have made of a pod: prevResult of the CNI's specification. Pure. */
#ifndef BG_CNI_PREV_RESULT_H
#define BG_CNI_PREV_RESULT_H

#include "feed/json.h"
#include "types.h"

#define BG_HOST_BYTES 16 /* of an interface's name, IFNAMSIZ */

/* All 0 at first. */
struct bg_prev_result {
	/* of its branches, each once; none: it is an ordinary pod */
	__u32 *vlans;
	size_t vlan_count;
	struct bg_addr *addresses;
	size_t address_count;
	/* interfaces of the node: the host end of its veth, a bridge */
	char (*hosts)[BG_HOST_BYTES];
	size_t host_count;
};

/*
 * A branch is an interface called dummy..., whose Mac is a number: the VLAN id, or 0 for no
 * branch. The VPC CNI gives every pod one. -EINVAL: it is not the shape of a result, or no
 * VLAN has that id; *read needs bg_prev_result_free() in any case.
 */
int bg_prev_result_read(const struct bg_json *result, struct bg_prev_result *read,
			struct bg_error *err);
void bg_prev_result_free(struct bg_prev_result *read);

#endif
