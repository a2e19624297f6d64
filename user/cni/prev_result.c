// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads prevResult as far as the gate needs it: branches, addresses, interfaces of the node.
 * cni_call.c calls it. What is passed on is the text, not what was read here.
 */
#include "cni/prev_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/ip.h"

#define DUMMY "dummy"

enum interface_key { NAME, MAC, SANDBOX };
static const struct bg_shape interface_shape = {
	.keys = (const char *const[]){ "name", "mac", "sandbox", NULL },
	.used = 3,
};

enum ip_key { ADDRESS };
static const struct bg_shape ip_shape = {
	.keys = (const char *const[]){ "address", NULL },
	.used = 1,
};

enum result_key { INTERFACES, IPS };
static const struct bg_shape result_shape = {
	.keys = (const char *const[]){ "interfaces", "ips", NULL },
	.used = 2,
};

static bool is_number(struct bg_text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.bytes[i] < '0' || text.bytes[i] > '9')
			return false;
	return text.length;
}

/* Of a Mac that is a number; none of VLANs is greater than 4094. */
static __u32 vlan_of(struct bg_text mac)
{
	__u32 vlan = 0;

	for (size_t i = 0; i < mac.length && vlan < BG_VLANS; i++)
		vlan = 10 * vlan + (__u32)(mac.bytes[i] - '0');
	return vlan;
}

static int add_vlan(struct bg_prev_result *read, __u32 vlan, struct bg_error *err)
{
	__u32 *added;

	for (size_t i = 0; i < read->vlan_count; i++)
		if (read->vlans[i] == vlan)
			return 0;
	added = BG_GROW(read->vlans, read->vlan_count);
	if (!added)
		return bg_no_memory(err, "reading prevResult");
	*added = vlan;
	return 0;
}

static int add_dummy(struct bg_prev_result *read, const struct bg_fields *fields,
		     struct bg_text mac, struct bg_error *err)
{
	__u32 vlan;

	/* the dummy plugin makes interfaces of that name, too, with an address of hardware */
	if (!is_number(mac))
		return 0;
	vlan = vlan_of(mac);
	if (vlan >= BG_VLANS - 1)
		return bg_field_unexpected(fields, MAC,
					   "a VLAN id from 1 to 4094, or 0 for a "
					   "pod without a branch",
					   err);
	return vlan ? add_vlan(read, vlan, err) : 0;
}

static int add_host(struct bg_prev_result *read, struct bg_text name, struct bg_error *err)
{
	char(*added)[BG_HOST_BYTES];

	/* none of the kernel's has such a name */
	if (!name.length || name.length >= BG_HOST_BYTES || memchr(name.bytes, '\0', name.length))
		return 0;
	added = BG_GROW(read->hosts, read->host_count);
	if (!added)
		return bg_no_memory(err, "reading prevResult");
	bg_text_copy(name, *added, sizeof(*added));
	return 0;
}

static int read_interface(const struct bg_json *value, const struct bg_at *at,
			  struct bg_prev_result *read, struct bg_error *err)
{
	struct bg_text name = {}, mac = {}, sandbox = {};
	struct bg_fields fields;
	int rc = bg_json_fields(value, at, &interface_shape, NULL, NULL, &fields, err) ?:
		 bg_field_required(&fields, NAME, err) ?:
		 bg_get_text(&fields, NAME, BG_POINTER_TEXT, &name, err) ?:
		 bg_get_text(&fields, MAC, BG_POINTER_TEXT, &mac, err) ?:
		 bg_get_text(&fields, SANDBOX, 4096, &sandbox, err);

	if (rc)
		return rc;
	if (name.length >= strlen(DUMMY) && !memcmp(name.bytes, DUMMY, strlen(DUMMY)))
		return add_dummy(read, &fields, mac, err);
	return sandbox.length ? 0 : add_host(read, name, err);
}

static int read_ip(const struct bg_json *value, const struct bg_at *at, struct bg_prev_result *read,
		   struct bg_error *err)
{
	char text[BG_IP_TEXT];
	struct bg_text address = { "", 0 };
	struct bg_fields fields;
	struct bg_addr parsed, *added;
	int rc = bg_json_fields(value, at, &ip_shape, NULL, NULL, &fields, err) ?:
		 bg_field_required(&fields, ADDRESS, err) ?:
		 bg_get_text(&fields, ADDRESS, BG_IP_TEXT - 1, &address, err);

	if (rc)
		return rc;
	bg_text_copy(address, text, sizeof(text));
	text[strcspn(text, "/")] = '\0';
	if (bg_addr_parse(text, &parsed))
		return bg_field_unexpected(&fields, ADDRESS, "an address with a prefix length",
					   err);
	added = BG_GROW(read->addresses, read->address_count);
	if (!added)
		return bg_no_memory(err, "reading prevResult");
	*added = parsed;
	return 0;
}

static int read_list(const struct bg_fields *fields, enum result_key key,
		     int (*each)(const struct bg_json *value, const struct bg_at *at,
				 struct bg_prev_result *read, struct bg_error *err),
		     struct bg_prev_result *read, struct bg_error *err)
{
	const struct bg_at list = bg_field_at(fields, key);
	const struct bg_json *value;
	size_t index = 0;
	int rc = bg_get_array(fields, key, &value, err);

	for (; value && !rc; value = value->next) {
		const struct bg_at at = bg_at_index(&list, index++);

		rc = each(value, &at, read, err);
	}
	return rc;
}

int bg_prev_result_read(const struct bg_json *result, struct bg_prev_result *read,
			struct bg_error *err)
{
	const struct bg_at at = bg_at_key(NULL, "prevResult");
	struct bg_fields fields;

	return bg_json_fields(result, &at, &result_shape, NULL, NULL, &fields, err) ?:
		       read_list(&fields, INTERFACES, read_interface, read, err) ?:
		       read_list(&fields, IPS, read_ip, read, err);
}

void bg_prev_result_free(struct bg_prev_result *read)
{
	free(read->vlans);
	free(read->addresses);
	free(read->hosts);
	*read = (struct bg_prev_result){};
}
