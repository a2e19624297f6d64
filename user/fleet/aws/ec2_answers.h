/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of EC2's and STS's answers is of use, and by which keys the `aws` CLI prints it. */
#ifndef BG_AWS_EC2_ANSWERS_H
#define BG_AWS_EC2_ANSWERS_H

#include "fleet/aws/xml.h"

enum bg_ec2_mark {
	BG_EC2_NONE,
	BG_EC2_ID,   /* of an object of the answer's own list */
	BG_EC2_LIST, /* of a prefix list that a rule names */
	BG_EC2_NEXT, /* where the next page begins */
	BG_AWS_CODE, /* of an error */
	BG_AWS_MESSAGE,
};

/* In the order in which they are asked for: a group that an interface has been given is there when
 * groups are read, and a list that a rule names when lists are. */
enum bg_ec2_action {
	BG_EC2_INTERFACES,
	BG_EC2_GROUPS,
	BG_EC2_RULES,
	BG_EC2_LISTS,
	BG_EC2_ENTRIES, /* of each list that rules name */
	BG_EC2_ACTIONS,
};

struct bg_ec2_answer {
	const char *action, *command; /* of the API, of the CLI */
	const char *root;
	const struct bg_xml_field *fields;
	unsigned int page_objects;
	bool by_vpc;   /* takes the filter vpc-id */
	bool has_some; /* there is nothing of it in no VPC where nodes are */
};

extern const struct bg_ec2_answer bg_ec2_answers[BG_EC2_ACTIONS];

extern const struct bg_xml_field bg_ec2_error_fields[], bg_sts_error_fields[], bg_sts_fields[];

#endif
