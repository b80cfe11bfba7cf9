/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a download is compared with (bench/mps2_download.py): before the client starts, the same
 * board with the same TCP/IP, TLS, certificates and task receives bytes from a plain TLS server and
 * drops them. The server is the name "bare-tls" in the board's net.conf; without it, nothing. */
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/figures.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/firmware/print.h"

#include <FreeRTOS.h>
#include <task.h>

#include <string.h>

#define HOST "bare-tls"
#define WAIT_TICKS 100u
#define ROUNDS 32u
#define GIVE_UP_MS 60000u

struct dr_agent_event;
void __real_dr_client_verify(struct dr_client *client, struct dr_agent_event *done);
void __wrap_dr_client_verify(struct dr_client *client, struct dr_agent_event *done);
enum dr_status __real_dr_client_start(struct dr_client *client);
enum dr_status __wrap_dr_client_start(struct dr_client *client);

static void pause(void)
{
    dr_watchdog_feed(); /* health does not judge before the client has started */
    (void)ulTaskNotifyTake(pdTRUE, WAIT_TICKS);
}

/* Repeat a step that may have to wait for the network. */
static enum dr_status finish(enum dr_status (*step)(void *context), void *context)
{
    uint32_t begin_ms = dr_clock_ms();
    enum dr_status status = step(context);
    while (status == DR_E_AGAIN && dr_clock_ms() - begin_ms < GIVE_UP_MS) { /* bound: give up */
        pause();
        status = step(context);
    }
    return status;
}

static enum dr_status connected(void *context)
{
    return dr_stream_state(context);
}

static enum dr_status shaken(void *context)
{
    return dr_tls_handshake(context);
}

static enum dr_status
receive(const struct dr_client *client, struct dr_tls *tls, uint32_t *ret_bytes)
{
    static const uint8_t go[] = {'g'};
    size_t moved = 0;
    *ret_bytes = 0;
    enum dr_status status = dr_tls_write(tls, go, sizeof(go), &moved);
    while (status == DR_OK || status == DR_E_AGAIN) { /* bound: what the server sends */
        if (status == DR_E_AGAIN) {
            pause();
        }
        status = dr_tls_read(tls, client->config.scratch, client->config.scratch_bytes, &moved);
        *ret_bytes += status == DR_OK ? (uint32_t)moved : 0;
    }
    return status == DR_E_CLOSED ? DR_OK : status;
}

static enum dr_status run(struct dr_client *client, struct dr_stream *stream)
{
    const struct dr_mqtt_session *session = client->config.link->context;
    const struct dr_link_lwip *link = session->config.context;
    const struct dr_tls_stream_config *config = &link->config.stream;
    struct dr_tls *tls = link->tls.tls;
    struct dr_endpoint endpoint;
    uint8_t address[4];
    uint16_t port = 0;
    char *ca = client->workspace.pem.ca;
    char *certificate = client->workspace.pem.certificate;
    DR_TRY(config->resolve(config->context, HOST, 0, address, &port));
    DR_TRY(dr_identity_endpoint(&client->vault, &endpoint));
    DR_TRY(dr_identity_certificates(&client->vault, false, ca, certificate));
    const struct dr_link_identity identity = {
        .host = endpoint.host,
        .ca_pem = ca,
        .certificate_pem = certificate,
        .key = DR_ANCHOR_IDENTITY_NORMAL,
        .floor_s = client->config.build_s,
    };
    DR_TRY(dr_tls_open(tls, &config->tls, &identity, stream));
    DR_TRY(dr_stream_open(stream, address, port));
    DR_TRY(finish(connected, stream));
    DR_TRY(finish(shaken, tls));
    uint32_t bytes = 0;
    uint32_t begin_ms = dr_clock_ms();
    enum dr_status status = receive(client, tls, &bytes);
    char line[80];
    const struct dr_print_number numbers[] = {
        {"bare tls: bytes ", bytes}, {" ms ", dr_clock_ms() - begin_ms}};
    dr_print_numbers(line, sizeof(line), numbers, 2);
    dr_firmware_log(line);
    return status;
}

/* What the parts of a download cost here. */
static void primitives(const struct dr_client *client)
{
    const struct dr_crypto *crypto = client->config.crypto;
    uint8_t *data = client->config.scratch;
    uint32_t size_bytes = client->config.block_bytes;
    uint8_t digest[DR_SHA256_BYTES] = {1};
    uint8_t wrong[DR_P256_SIGNATURE_BYTES];
    uint32_t begin_ms = dr_clock_ms();
    struct dr_sha256 sha;
    crypto->sha256_begin(&sha);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        crypto->sha256_update(&sha, data, size_bytes);
    }
    crypto->sha256_finish(&sha, digest);
    uint32_t sha_ms = dr_clock_ms() - begin_ms;
    begin_ms = dr_clock_ms();
    bool done = true;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        done = done && crypto->aes256_ctr(digest, digest, data, data, size_bytes) == DR_OK;
    }
    uint32_t aes_ms = dr_clock_ms() - begin_ms;
    memset(wrong, 1, sizeof(wrong));
    begin_ms = dr_clock_ms();
    done =
        done && crypto->p256_verify(client->config.info->trust.keys[0], digest, wrong) == DR_E_AUTH;
    const struct dr_print_number numbers[] = {
        {"primitives: bytes ", ROUNDS * size_bytes},
        {" sha256 ms ", sha_ms},
        {" aes256-ctr ms ", aes_ms},
        {"; p256 verify ms ", dr_clock_ms() - begin_ms},
    };
    char line[100];
    dr_print_numbers(line, sizeof(line), numbers, sizeof(numbers) / sizeof(numbers[0]));
    dr_firmware_log(done ? line : "primitives: failed");
}

enum dr_status __wrap_dr_client_start(struct dr_client *client)
{
    static struct dr_stream stream;
    enum dr_status status = run(client, &stream);
    if (status != DR_E_NOT_FOUND) {
        primitives(client);
        dr_firmware_log(dr_status_text(status));
    }
    dr_tls_close(dr_tls_session(DR_TLS_MQTT));
    dr_stream_close(&stream);
    return __real_dr_client_start(client);
}

/* The last block is in flash: the phase that began with the first request ends here. */
void __wrap_dr_client_verify(struct dr_client *client, struct dr_agent_event *done)
{
    dr_figures_phase("figures loaded: ms ", dr_clock_ms());
    __real_dr_client_verify(client, done);
}
