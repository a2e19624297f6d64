// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Streams of small UDP packets from one network namespace into another, and how
 * many of them arrive:
 *	tool_stream PORT FLOWS ROUNDS MILLISECONDS CPU FROM TO [FROM TO]...
 *
 * FROM and TO are each NETNS,INTERFACE,ADDRESS,GATEWAY-MAC; NETNS is a file. The
 * streams take turns. Prints a line a round: packets a second of CPU, for each
 * stream in the order given.
 *
 * The sender is an AF_PACKET socket past the queueing discipline, the receiver a
 * program at its interface that counts and drops (sink.bpf.c): both cost little
 * beside what is measured. Everything happens in the sender's softirq, so its CPU
 * time is the cost of the whole way, and what else the machine does does not count.
 *
 * A flow is a source port. Before the clock starts each has had a packet there
 * and one back, so that whatever tracks flows has seen them answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define FIRST_PORT 20000
#define MAX_FLOWS 20000
#define BATCH 64
#define MAX_STREAMS 16
/* the smallest frame of Ethernet, without its checksum */
#define PAYLOAD_BYTES 18

struct end {
	int netns;
	int ifindex;
	int packet_socket; /* bound to the interface */
	unsigned char mac[ETH_ALEN], gateway_mac[ETH_ALEN];
	struct in6_addr addr; /* IPv4: the first four bytes */
};

struct frame {
	unsigned char
		bytes[ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + PAYLOAD_BYTES];
	size_t length;
};

struct stream {
	struct end from, to;
	struct frame *there, *back;
	struct bpf_object *sink;
	struct bpf_link *sink_link;
	const volatile __u64 *arrived;
};

static bool ipv6;
static char sink_path[4096];

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("tool_stream: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void enter(const struct end *end)
{
	if (setns(end->netns, CLONE_NEWNET))
		die("cannot enter the network namespace: %s", strerror(errno));
}

static int number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 0 || value > INT_MAX)
		die("'%s' is no number", text);
	return (int)value;
}

static void read_mac(unsigned char *mac, const char *text)
{
	struct ether_addr addr;

	if (!ether_aton_r(text, &addr))
		die("'%s' is no MAC address", text);
	memcpy(mac, &addr, ETH_ALEN);
}

static void open_end(struct end *end, const char *text)
{
	char netns[256], interface[IFNAMSIZ], address[64], mac[32];
	struct sockaddr_ll where = { .sll_family = AF_PACKET };
	struct ifreq request = {};
	int on = 1;

	if (sscanf(text, "%255[^,],%15[^,],%63[^,],%31s", netns, interface, address, mac) != 4)
		die("'%s': expected NETNS,INTERFACE,ADDRESS,GATEWAY-MAC", text);
	ipv6 = strchr(address, ':');
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &end->addr) != 1)
		die("'%s' is no address", address);
	read_mac(end->gateway_mac, mac);
	end->netns = open(netns, O_RDONLY | O_CLOEXEC);
	if (end->netns < 0)
		die("%s: %s", netns, strerror(errno));
	enter(end);
	/* protocol 0: it only sends */
	end->packet_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (end->packet_socket < 0)
		die("packet socket: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(end->packet_socket, SIOCGIFHWADDR, &request))
		die("interface %s: %s", interface, strerror(errno));
	memcpy(end->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	end->ifindex = (int)if_nametoindex(interface);
	where.sll_ifindex = end->ifindex;
	if (bind(end->packet_socket, (struct sockaddr *)&where, sizeof(where)) ||
	    setsockopt(end->packet_socket, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		die("packet socket on %s: %s", interface, strerror(errno));
}

static struct bpf_map *section_of(const struct bpf_object *object, const char *section)
{
	struct bpf_map *map;

	bpf_object__for_each_map (map, object)
		if (strstr(bpf_map__name(map), section))
			return map;
	die("the sink has no %s", section);
}

static void open_sink(struct stream *stream, unsigned short port)
{
	struct bpf_object *object = bpf_object__open_file(sink_path, NULL);
	struct bpf_link *link;

	if (!object)
		die("%s: %s", sink_path, strerror(errno));
	if (bpf_map__set_initial_value(section_of(object, ".rodata"), &port, sizeof(port)))
		die("the sink wants more than a port");
	enter(&stream->to);
	if (bpf_object__load(object))
		die("%s does not load: %s", sink_path, strerror(errno));
	link = bpf_program__attach_tcx(bpf_object__find_program_by_name(object, "sink"),
				       stream->to.ifindex, NULL);
	if (!link)
		die("the sink cannot be attached (by tcx, so Linux 6.6 is needed): %s",
		    strerror(errno));
	stream->sink = object;
	stream->sink_link = link;
	stream->arrived = mmap(NULL, sizeof(*stream->arrived), PROT_READ, MAP_SHARED,
			       bpf_map__fd(section_of(object, ".bss")), 0);
	if (stream->arrived == MAP_FAILED)
		die("the sink's counter: %s", strerror(errno));
}

static unsigned int sum_of(unsigned int sum, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	/* a whole number of words */
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (unsigned int)bytes[i] << 8 | bytes[i + 1];
	return sum;
}

static unsigned short folded(unsigned int sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((unsigned short)~sum);
}

static void make_frame(struct frame *frame, const struct end *from, const struct end *to,
		       unsigned short from_port, unsigned short to_port)
{
	const unsigned short udp_bytes = sizeof(struct udphdr) + PAYLOAD_BYTES;
	struct udphdr udp = { .source = htons(from_port),
			      .dest = htons(to_port),
			      .len = htons(udp_bytes) };
	size_t addr_bytes = ipv6 ? 16 : 4;
	unsigned char *at = frame->bytes;
	unsigned short type, check;
	unsigned int sum;

	memset(frame, 0, sizeof(*frame));
	memcpy(at, from->gateway_mac, ETH_ALEN);
	memcpy(at + ETH_ALEN, from->mac, ETH_ALEN);
	type = htons(ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(at + offsetof(struct ethhdr, h_proto), &type, sizeof(type));
	at += ETH_HLEN;
	if (ipv6) {
		struct ipv6hdr ip = { .version = 6,
				      .payload_len = htons(udp_bytes),
				      .nexthdr = IPPROTO_UDP,
				      .hop_limit = 64,
				      .saddr = from->addr,
				      .daddr = to->addr };

		memcpy(at, &ip, sizeof(ip));
		at += sizeof(ip);
	} else {
		struct iphdr ip = { .version = 4,
				    .ihl = 5,
				    .tot_len = htons(sizeof(ip) + udp_bytes),
				    .ttl = 64,
				    .protocol = IPPROTO_UDP };

		memcpy(&ip.saddr, &from->addr, sizeof(ip.saddr));
		memcpy(&ip.daddr, &to->addr, sizeof(ip.daddr));
		memcpy(at, &ip, sizeof(ip));
		check = folded(sum_of(0, at, sizeof(ip)));
		memcpy(at + offsetof(struct iphdr, check), &check, sizeof(check));
		at += sizeof(ip);
	}
	sum = sum_of(IPPROTO_UDP + udp_bytes, &from->addr, addr_bytes);
	sum = sum_of(sum, &to->addr, addr_bytes);
	memcpy(at, &udp, sizeof(udp));
	check = folded(sum_of(sum, at, sizeof(udp)));
	memcpy(at + offsetof(struct udphdr, check), &check, sizeof(check));
	frame->length = at + udp_bytes - frame->bytes;
}

/* A frame each of `count` flows, from flow `first` on. */
static unsigned int send_batch(const struct end *end, struct frame *frames, int flows, int first,
			       int count)
{
	struct mmsghdr messages[BATCH] = {};
	struct iovec pieces[BATCH];
	int sent;

	for (int i = 0; i < count; i++) {
		struct frame *frame = &frames[(first + i) % flows];

		pieces[i] = (struct iovec){ .iov_base = frame->bytes, .iov_len = frame->length };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(end->packet_socket, messages, (unsigned int)count, 0);
	if (sent < 0 && errno != ENOBUFS)
		die("sending: %s", strerror(errno));
	return sent < 0 ? 0 : (unsigned int)sent;
}

static struct frame *make_frames(const struct end *from, const struct end *to, int flows,
				 unsigned short port, bool answers)
{
	struct frame *frames = calloc((size_t)flows, sizeof(*frames));

	if (!frames)
		die("out of memory");
	for (int i = 0; i < flows; i++) {
		unsigned short of_flow = (unsigned short)(FIRST_PORT + i);

		if (answers)
			make_frame(&frames[i], to, from, port, of_flow);
		else
			make_frame(&frames[i], from, to, of_flow, port);
	}
	return frames;
}

static long long now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void open_stream(struct stream *stream, char **ends, int flows, unsigned short port)
{
	memset(stream, 0, sizeof(*stream));
	open_end(&stream->from, ends[0]);
	open_end(&stream->to, ends[1]);
	open_sink(stream, port);
	stream->there = make_frames(&stream->from, &stream->to, flows, port, false);
	stream->back = make_frames(&stream->from, &stream->to, flows, port, true);
}

static void close_stream(struct stream *stream)
{
	close(stream->from.packet_socket);
	close(stream->to.packet_socket);
	close(stream->from.netns);
	close(stream->to.netns);
	munmap((void *)stream->arrived, sizeof(*stream->arrived));
	bpf_link__destroy(stream->sink_link);
	bpf_object__close(stream->sink);
	free(stream->there);
	free(stream->back);
}

/* A packet there and one back, twice. */
static void establish(const struct stream *stream, int flows)
{
	for (int i = 0; i < 2 * flows; i++) {
		send_batch(&stream->from, stream->there, flows, i, 1);
		send_batch(&stream->to, stream->back, flows, i, 1);
	}
}

/* Packets a second of CPU. */
static double measure(const struct stream *stream, int flows, long long for_ns)
{
	__u64 sent = 0, arrived = *stream->arrived;
	long long start_ns, cpu_ns;

	start_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; now_ns(CLOCK_THREAD_CPUTIME_ID) < start_ns + for_ns;
	     i = (i + BATCH) % flows)
		sent += send_batch(&stream->from, stream->there, flows, i, BATCH);
	cpu_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	arrived = *stream->arrived - arrived;
	/* all of it in the sender's softirq, or its CPU time would not be the cost */
	if (arrived < sent - sent / 100)
		die("only %llu of %llu packets have arrived", arrived, sent);
	return (double)arrived * 1e9 / (double)cpu_ns;
}

/* Nobody else meanwhile: other work would leave cold caches. */
static void have_cpu(int cpu)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) || sched_setscheduler(0, SCHED_FIFO, &first))
		die("cannot have CPU %d: %s", cpu, strerror(errno));
}

int main(int argc, char **argv)
{
	struct stream streams[MAX_STREAMS];
	int flows, rounds, count = (argc - 6) / 2;
	long long for_ns;
	unsigned short port;

	if (argc < 8 || argc % 2 || count > MAX_STREAMS) {
		fprintf(stderr, "usage: tool_stream PORT FLOWS ROUNDS MILLISECONDS CPU FROM TO "
				"[FROM TO]...\n");
		return 2;
	}
	snprintf(sink_path, sizeof(sink_path), "%s/sink.bpf.o", dirname(strdupa(argv[0])));
	port = (unsigned short)number(argv[1]);
	flows = number(argv[2]);
	rounds = number(argv[3]);
	for_ns = number(argv[4]) * 1000000LL;
	if (flows < 1 || flows > MAX_FLOWS)
		die("1 to %d flows", MAX_FLOWS);
	for (int i = 0; i < count; i++)
		open_stream(&streams[i], argv + 6 + (size_t)2 * (size_t)i, flows, port);
	have_cpu(number(argv[5]));
	for (int i = 0; i < count; i++)
		establish(&streams[i], flows);
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			printf("%.0f%c", measure(&streams[i], flows, for_ns),
			       i == count - 1 ? '\n' : ' ');
	for (int i = 0; i < count; i++)
		close_stream(&streams[i]);
	return 0;
}
