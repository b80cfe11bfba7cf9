/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the broker can do by itself: a requester asks a responder for blocks over mutual TLS, both
 * plain MQTT clients of a stock mosquitto. The download of a device is compared with this, in the
 * same run.
 *
 *   bare_mqtt --port P --ca FILE --cert FILE --key FILE --size BYTES --block BYTES --window BLOCKS
 * [--runs N]
 *
 * One request names the first block and a count (as a GetStream does); the responder answers with
 * one message per block; the requester keeps `window` blocks in flight. Prints one JSON object per
 * run: {"bytes":…,"seconds":…}.
 *
 *   … --thing NAME --stream ID
 *
 * The requester alone, as that thing, asking the update service for file 0 of a stream instead.
 */
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_TOPIC "bench/request"
#define BLOCK_TOPIC "bench/block"

struct options {
    const char *ca;
    const char *cert;
    const char *key;
    const char *thing;
    const char *stream;
    uint32_t port;
    uint32_t size_bytes;
    uint32_t block_bytes;
    uint32_t window_blocks;
    uint32_t runs;
};

/* One end of the exchange. */
struct end {
    const struct options *options;
    struct mosquitto *client;
    uint8_t *block;          /* responder: what it sends */
    uint32_t received_bytes; /* requester */
    uint32_t received_blocks;
    uint32_t requested_blocks;
    bool subscribed;
    char request_topic[200];
};

struct request {
    uint32_t first;
    uint32_t count;
};

static void fail(const char *what, int code)
{
    fprintf(stderr, "bare_mqtt: %s: %s\n", what, mosquitto_strerror(code));
    exit(1);
}

static uint32_t block_count(const struct options *options)
{
    return (options->size_bytes + options->block_bytes - 1) / options->block_bytes;
}

static void
on_request(struct mosquitto *client, void *context, const struct mosquitto_message *message)
{
    struct end *end = context;
    struct request request;
    if (message->payloadlen != (int)sizeof(request)) {
        return;
    }
    memcpy(&request, message->payload, sizeof(request));
    for (uint32_t i = 0; i < request.count; i++) {
        uint32_t offset = (request.first + i) * end->options->block_bytes;
        uint32_t left = end->options->size_bytes - offset;
        uint32_t size = left < end->options->block_bytes ? left : end->options->block_bytes;
        mosquitto_publish(client, NULL, BLOCK_TOPIC, (int)size, end->block, 0, false);
    }
}

/* {"f": 0, "l": block size, "o": first, "n": count} in CBOR, all numbers with four bytes. */
static size_t stream_request(const struct end *end, const struct request *request, uint8_t *out)
{
    const struct {
        char name;
        uint32_t value;
    } fields[] = {
        {'f', 0}, {'l', end->options->block_bytes}, {'o', request->first}, {'n', request->count}};
    size_t size = 0;
    out[size++] = 0xa4;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        out[size++] = 0x61;
        out[size++] = (uint8_t)fields[i].name;
        out[size++] = 0x1a;
        for (int shift = 24; shift >= 0; shift -= 8) {
            out[size++] = (uint8_t)(fields[i].value >> shift);
        }
    }
    return size;
}

static void send_request(struct end *end, const struct request *request)
{
    uint8_t body[64];
    size_t size = sizeof(*request);
    if (end->options->stream != NULL) {
        size = stream_request(end, request, body);
    } else {
        memcpy(body, request, sizeof(*request));
    }
    mosquitto_publish(end->client, NULL, end->request_topic, (int)size, body, 0, false);
}

static void ask(struct end *end)
{
    uint32_t total = block_count(end->options);
    uint32_t in_flight = end->requested_blocks - end->received_blocks;
    uint32_t left = total - end->requested_blocks;
    uint32_t room = end->options->window_blocks - in_flight;
    uint32_t batch = end->options->window_blocks / 2 > 0 ? end->options->window_blocks / 2 : 1;
    if (left == 0 || (room < batch && in_flight > 0)) {
        return;
    }
    struct request request = {end->requested_blocks, left < room ? left : room};
    end->requested_blocks += request.count;
    send_request(end, &request);
}

static void
on_block(struct mosquitto *client, void *context, const struct mosquitto_message *message)
{
    struct end *end = context;
    (void)client;
    end->received_bytes += (uint32_t)message->payloadlen;
    end->received_blocks++;
    ask(end);
}

static void
on_subscribe(struct mosquitto *client, void *context, int id, int count, const int *granted)
{
    struct end *end = context;
    (void)client;
    (void)id;
    (void)count;
    (void)granted;
    end->subscribed = true;
}

static void turn(struct end *end)
{
    struct pollfd poller = {
        .fd = mosquitto_socket(end->client),
        .events = (short)(POLLIN | (mosquitto_want_write(end->client) ? POLLOUT : 0)),
    };
    int ready = poll(&poller, 1, 1000);
    int code = MOSQ_ERR_SUCCESS;
    if (ready > 0 && (poller.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        code = mosquitto_loop_read(end->client, 1000);
    }
    if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(end->client)) {
        code = mosquitto_loop_write(end->client, 1);
    }
    if (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_loop_misc(end->client);
    }
    if (code != MOSQ_ERR_SUCCESS) {
        fail("connection", code);
    }
}

static void connect_end(struct end *end, const char *topic)
{
    const struct options *options = end->options;
    end->client = mosquitto_new(options->thing, true, end);
    if (end->client == NULL) {
        fail("client", MOSQ_ERR_NOMEM);
    }
    mosquitto_int_option(end->client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_subscribe_callback_set(end->client, on_subscribe);
    int code = mosquitto_tls_set(end->client, options->ca, NULL, options->cert, options->key, NULL);
    if (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_connect(end->client, "localhost", (int)options->port, 60);
    }
    if (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_subscribe(end->client, NULL, topic, 0);
    }
    if (code != MOSQ_ERR_SUCCESS) {
        fail("connect", code);
    }
    while (!end->subscribed) {
        turn(end);
    }
}

static void respond(const struct options *options, int ready_pipe)
{
    struct end end = {.options = options};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    end.block = malloc(options->block_bytes);
    if (end.block == NULL) {
        fail("block", MOSQ_ERR_NOMEM);
    }
    for (uint32_t i = 0; i < options->block_bytes; i++) {
        end.block[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    connect_end(&end, REQUEST_TOPIC);
    mosquitto_message_callback_set(end.client, on_request);
    if (write(ready_pipe, "r", 1) != 1) {
        exit(1);
    }
    for (;;) {
        turn(&end);
    }
}

static void run_once(struct end *end)
{
    struct timespec from;
    struct timespec to;
    end->received_bytes = 0;
    end->received_blocks = 0;
    end->requested_blocks = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    ask(end);
    while (end->received_blocks < block_count(end->options)) {
        turn(end);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("{\"bytes\": %u, \"seconds\": %.6f}\n", end->received_bytes, seconds);
    fflush(stdout);
}

static uint32_t number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value > UINT32_MAX) {
        fprintf(stderr, "bare_mqtt: not a number: %s\n", text);
        exit(64);
    }
    return (uint32_t)value;
}

static void parse(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **text;
        uint32_t *number;
    } known[] = {
        {"--ca", &options->ca, NULL},
        {"--cert", &options->cert, NULL},
        {"--key", &options->key, NULL},
        {"--thing", &options->thing, NULL},
        {"--stream", &options->stream, NULL},
        {"--port", NULL, &options->port},
        {"--size", NULL, &options->size_bytes},
        {"--block", NULL, &options->block_bytes},
        {"--window", NULL, &options->window_blocks},
        {"--runs", NULL, &options->runs},
    };
    for (int i = 1; i + 1 < argc; i += 2) {
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (strcmp(argv[i], known[k].name) != 0) {
                continue;
            }
            if (known[k].text != NULL) {
                *known[k].text = argv[i + 1];
            } else {
                *known[k].number = number(argv[i + 1]);
            }
        }
    }
    if (argc % 2 == 0 || options->ca == NULL || options->cert == NULL || options->key == NULL ||
        options->port == 0 || options->size_bytes == 0 || options->block_bytes == 0 ||
        options->window_blocks == 0) {
        fprintf(
            stderr, "usage: bare_mqtt --port P --ca FILE --cert FILE --key FILE --size BYTES "
                    "--block BYTES --window BLOCKS [--runs N]\n");
        exit(64);
    }
}

static pid_t start_responder(const struct options *options)
{
    int ready[2];
    char mark;
    if (pipe(ready) != 0) {
        exit(1);
    }
    pid_t responder = fork();
    if (responder == 0) {
        respond(options, ready[1]);
    }
    close(ready[1]);
    if (responder < 0 || read(ready[0], &mark, 1) != 1) {
        exit(1);
    }
    close(ready[0]);
    return responder;
}

static void stream_topic(const struct options *options, const char *what, char *out, size_t room)
{
    snprintf(
        out, room, "$aws/things/%s/streams/%s/%s/cbor",
        options->thing == NULL ? "" : options->thing, options->stream, what);
}

int main(int argc, char **argv)
{
    struct options options = {.runs = 1};
    parse(argc, argv, &options);
    mosquitto_lib_init();
    struct end end = {.options = &options};
    char block_topic[200] = BLOCK_TOPIC;
    pid_t responder = 0;
    if (options.stream != NULL) {
        stream_topic(&options, "get", end.request_topic, sizeof(end.request_topic));
        stream_topic(&options, "data", block_topic, sizeof(block_topic));
    } else {
        memcpy(end.request_topic, REQUEST_TOPIC, sizeof(REQUEST_TOPIC));
        responder = start_responder(&options);
    }
    connect_end(&end, block_topic);
    mosquitto_message_callback_set(end.client, on_block);
    for (uint32_t i = 0; i < options.runs; i++) {
        run_once(&end);
    }
    if (responder > 0) {
        kill(responder, SIGTERM);
        waitpid(responder, NULL, 0);
    }
    return 0;
}
