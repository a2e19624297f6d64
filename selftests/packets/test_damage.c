// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Honest frames, damaged at random. Whatever comes of it: TC, XDP on the branch
 * and XDP on the trunk give one verdict; and what a rule lets in can be read,
 * byte by byte, as a packet that this rule is about. SEED repeats a run.
 */
#include <arpa/inet.h>

#include "base/names.h"
#include "feeds.h"
#include "random_model.h"
#include "rig.h"
#include "test.h"

#define FRAMES 5000
#define ETHERNET_BYTES 14

static struct rig rig;

static const struct pkt honest[] = {
	{ TCP(CLIENT, 40000, POD, 443, "S"), .tcp_option_words = 2 },
	{ TCP(CLIENT, 40000, POD_TWO, 443, "S"), .option_words = 2, .payload = 4 },
	{ UDP(CLIENT, 40000, POD, 53), .payload = 12 },
	{ UDP(CLIENT, 40000, POD, 53), .more = true, .payload = 16, .ident = 5 },
	{ PING(CLIENT, POD, 3), .payload = 8 },
	{ OTHER(CLIENT, POD, 47) },
	{ TCP(CLIENT6, 40000, POD6, 443, "S") },
	{ TCP(CLIENT6, 40000, POD6, 443, "S"), .chain = "HDR" },
	{ UDP(CLIENT6, 40000, POD6, 53), .chain = "AF", .payload = 4 },
	{ UDP(CLIENT6, 40000, POD6, 53), .chain = "H", .more = true, .payload = 16 },
	{ PING6(CLIENT6, POD6, 3), .chain = "D" },
	{ ICMP4(CLIENT, POD, 3, 3), .quote = &(const struct pkt){ UDP(POD, 53, CLIENT, 40000) } },
};

#define HONEST (sizeof(honest) / sizeof(honest[0]))

/* A few bytes become others, most often in the headers; the end may get lost. */
static size_t damage(struct random_source *source, __u8 *frame, size_t bytes)
{
	__u32 changes = random_below(source, 4);

	for (__u32 i = 0; i < changes; i++) {
		size_t at = ETHERNET_BYTES - 2 + random_below(source, (__u32)bytes - 12);
		static const __u8 special[] = { 0, 1, 4, 6, 17, 43, 44, 51, 58, 60, 0x45, 0xff };

		if (random_below(source, 2))
			frame[at] ^= (__u8)(1 << random_below(source, 8));
		else
			frame[at] = special[random_below(source, sizeof(special))];
	}
	if (!random_below(source, 6))
		bytes -= random_below(source, (__u32)bytes - ETHERNET_BYTES);
	return bytes;
}

/* --- reading, the slow way ----------------------------------------------------- */

struct reading {
	const __u8 *packet;
	size_t bytes; /* of the IP packet, as its header says */
	bool ipv6;
	bool later; /* fragment */
	int protocol;
	size_t upper;
};

static unsigned int get16(const __u8 *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static bool read_ipv4(struct reading *r, size_t left)
{
	if (left < 20 || r->packet[0] >> 4 != 4)
		return false;
	r->upper = (size_t)(r->packet[0] & 15) * 4;
	r->bytes = get16(r->packet + 2);
	r->protocol = r->packet[9];
	r->later = get16(r->packet + 6) & 0x1fff;
	return r->upper >= 20 && r->bytes >= r->upper && r->bytes <= left;
}

static bool read_ipv6(struct reading *r, size_t left)
{
	if (left < 40 || r->packet[0] >> 4 != 6)
		return false;
	r->bytes = 40 + get16(r->packet + 4);
	if (r->bytes > left)
		return false;
	r->protocol = r->packet[6];
	for (r->upper = 40; !r->later;) {
		const __u8 *header = r->packet + r->upper;

		if (r->protocol != 0 && r->protocol != 43 && r->protocol != 44 &&
		    r->protocol != 51 && r->protocol != 60)
			break;
		if (r->upper + 8 > r->bytes)
			return false;
		if (r->protocol == 43 && header[3])
			return false;
		if (r->protocol == 44) {
			r->later = get16(header + 2) & 0xfff8;
			r->upper += 8;
		} else {
			r->upper += r->protocol == 51 ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
		}
		r->protocol = header[0];
	}
	return r->upper <= r->bytes;
}

static bool address_is(const __u8 *at, const char *text)
{
	__u8 bytes[16];
	bool ipv6 = strchr(text, ':');

	inet_pton(ipv6 ? AF_INET6 : AF_INET, text, bytes);
	return !memcmp(at, bytes, ipv6 ? 16 : 4);
}

/* Toward branch A, from the VPC? */
static bool addresses_fit(const struct reading *r)
{
	const __u8 *ip = r->packet;

	if (r->ipv6)
		return (address_is(ip + 24, POD6) || address_is(ip + 24, POD_TWO6)) &&
		       ip[8] == 0x20 && ip[9] == 0x01 && ip[10] == 0x0d && ip[11] == 0xb8;
	return (address_is(ip + 16, POD) || address_is(ip + 16, POD_TWO)) && ip[12] == 10 &&
	       ip[13] == 0;
}

/* What sgr-web, sgr-dns, sgr-ping, sgr-stamp and sgr-gre let in, and their like. */
static bool service_fits(const struct reading *r)
{
	const __u8 *upper = r->packet + r->upper;
	size_t left = r->bytes - r->upper;

	switch (r->protocol) {
	case 6:
		return left >= 20 && upper[12] >> 4 >= 5 && (size_t)(upper[12] >> 4) * 4 <= left &&
		       get16(upper + 2) == 443;
	case 17:
		return left >= 8 && get16(upper + 2) == 53;
	case 1:
		return !r->ipv6 && left >= 8 &&
		       (upper[0] == 8 || (upper[0] == 13 && !upper[1]) ||
			(upper[0] == 3 && upper[1] == 4 && address_is(r->packet + 12, "10.0.9.9")));
	case 58:
		return r->ipv6 && left >= 8 && upper[0] == 128;
	case 47:
		return !r->ipv6;
	default:
		return false;
	}
}

static bool rule_may_admit(const __u8 *frame, size_t bytes)
{
	unsigned int type = get16(frame + 12);
	struct reading r = { .packet = frame + ETHERNET_BYTES, .ipv6 = type == 0x86dd };
	size_t left = bytes - ETHERNET_BYTES;

	if (type != 0x0800 && type != 0x86dd)
		return false;
	if (r.ipv6 ? !read_ipv6(&r, left) : !read_ipv4(&r, left))
		return false;
	return !r.later && addresses_fit(&r) && service_fits(&r);
}

/* ----------------------------------------------------------------------------- */

static enum bg_reason judged(enum hook hook, const __u8 *frame, size_t bytes)
{
	struct outcome outcome;

	rig_clear(&rig);
	rig_send(&rig, hook, BRANCH_A, frame, bytes, &outcome);
	if (outcome.counted != 1 || outcome.counted_reason != outcome.trace.reason ||
	    outcome.passed != !!bg_reason_passes(outcome.trace.reason))
		fail_msg("%s: counted %u times, as %s, returned %d",
			 bg_reason_name(outcome.trace.reason), outcome.counted,
			 bg_reason_name(outcome.counted_reason), outcome.action);
	return outcome.trace.reason;
}

static size_t with_tag(const __u8 *frame, size_t bytes, __u8 *tagged)
{
	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, (__u8[]){ 0x81, 0, 0, BRANCH_A }, 4);
	memcpy(tagged + 16, frame + 12, bytes - 12);
	return bytes + 4;
}

/* The kernel refuses to test-run TC on what is too short for its IP header. */
static bool tc_takes(const __u8 *frame, size_t bytes)
{
	unsigned int type = get16(frame + 12);

	return bytes >= ETHERNET_BYTES + (type == 0x0800 ? 20u : type == 0x86dd ? 40u : 1u);
}

static void dump(const __u8 *frame, size_t bytes)
{
	printf("# ");
	for (size_t i = 0; i < bytes; i++)
		printf("%02x", frame[i]);
	printf("\n");
}

static void damaged_frames(void **state)
{
	struct random_source source = random_seeded();
	size_t admitted = 0, dropped = 0;
	int frames = rig_tries(FRAMES);

	(void)state;
	for (int i = 0; i < frames; i++) {
		const struct pkt *pkt = &honest[random_below(&source, HONEST)];
		__u8 frame[PKT_BYTES], tagged[PKT_BYTES + 4];
		size_t bytes = damage(&source, frame, pkt_build(pkt, frame));
		enum bg_reason reason = judged(XDP_BRANCH, frame, bytes), tc = reason, trunk;
		bool may = rule_may_admit(frame, bytes);

		if (tc_takes(frame, bytes))
			tc = judged(TC_INGRESS, frame, bytes);
		trunk = judged(XDP_TRUNK, tagged, with_tag(frame, bytes, tagged));
		if (tc != reason || trunk != reason) {
			dump(frame, bytes);
			fail_msg("XDP says %s, TC %s, XDP on the trunk %s", bg_reason_name(reason),
				 bg_reason_name(tc), bg_reason_name(trunk));
		}
		if ((reason == BG_REASON_RULE || reason == BG_REASON_RULE_UNTRACKED) && !may) {
			dump(frame, bytes);
			fail_msg("let in by a rule, and is nothing that a rule is about");
		}
		admitted += reason == BG_REASON_RULE;
		dropped += !bg_reason_passes(reason);
	}
	printf("# %d frames, %zu let in by a rule, %zu dropped\n", frames, admitted, dropped);
	/* both kinds must be there, or this shows nothing */
	assert_in_range(admitted, frames / 10, frames);
	assert_in_range(dropped, frames / 10, frames);
}

/* The other way round: what was not damaged is let in, so the reader above reads. */
static void honest_frames(void **state)
{
	__u8 frame[PKT_BYTES];

	(void)state;
	for (size_t i = 0; i < HONEST; i++) {
		size_t bytes = pkt_build(&honest[i], frame);
		enum bg_reason reason = judged(TC_INGRESS, frame, bytes);

		assert_int_equal(rule_may_admit(frame, bytes), reason == BG_REASON_RULE);
		assert_int_equal(reason == BG_REASON_RULE, i != HONEST - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_frames),
		cmocka_unit_test(damaged_frames),
	};
	int failed;

	rig_open(&rig, 0);
	rig_publish(&rig, USUAL_FEED);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
