/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What a download is compared with (bench/mps2_download.py): before the client starts, the same
 * board with the same TCP/IP, TLS, certificates and task receives bytes from a plain TLS server and
 * drops them. The server is the name "bare-tls" in the board's net.conf; without it, nothing. */
#include "boards/mps2_an385/common/clock.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/firmware/print.h"

#include <FreeRTOS.h>
#include <task.h>

#define HOST "bare-tls"
#define WAIT_TICKS 100u
#define GIVE_UP_MS 60000u

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
    (void)context;
    return dr_tls_handshake();
}

static enum dr_status receive(const struct dr_client *client, uint32_t *ret_bytes)
{
    static const uint8_t go[] = {'g'};
    size_t moved = 0;
    *ret_bytes = 0;
    enum dr_status status = dr_tls_write(go, sizeof(go), &moved);
    while (status == DR_OK || status == DR_E_AGAIN) { /* bound: what the server sends */
        if (status == DR_E_AGAIN) {
            pause();
        }
        status = dr_tls_read(client->config.scratch, client->config.scratch_bytes, &moved);
        *ret_bytes += status == DR_OK ? (uint32_t)moved : 0;
    }
    return status == DR_E_CLOSED ? DR_OK : status;
}

static enum dr_status run(struct dr_client *client, struct dr_stream *stream)
{
    const struct dr_link_lwip *link = client->config.link->context;
    struct dr_endpoint endpoint;
    uint8_t address[4];
    uint16_t port = 0;
    char *ca = client->workspace.pem.ca;
    char *certificate = client->workspace.pem.certificate;
    DR_TRY(link->config.resolve(link->config.context, HOST, 0, address, &port));
    DR_TRY(dr_identity_endpoint(&client->vault, &endpoint));
    DR_TRY(dr_identity_certificates(&client->vault, false, ca, certificate));
    const struct dr_link_identity identity = {
        .host = endpoint.host,
        .ca_pem = ca,
        .certificate_pem = certificate,
        .key = DR_ANCHOR_IDENTITY_NORMAL,
        .floor_s = client->config.build_s,
    };
    DR_TRY(dr_tls_open(&link->config.tls, &identity, stream));
    DR_TRY(dr_stream_open(stream, address, port));
    DR_TRY(finish(connected, stream));
    DR_TRY(finish(shaken, NULL));
    uint32_t bytes = 0;
    dr_firmware_log("bare tls: begin");
    enum dr_status status = receive(client, &bytes);
    char line[80];
    const struct dr_print_number number = {"bare tls: bytes ", bytes};
    dr_print_numbers(line, sizeof(line), &number, 1);
    dr_firmware_log(line);
    return status;
}

enum dr_status __wrap_dr_client_start(struct dr_client *client)
{
    static struct dr_stream stream;
    enum dr_status status = run(client, &stream);
    if (status != DR_E_NOT_FOUND) {
        dr_firmware_log(dr_status_text(status));
    }
    dr_tls_close();
    dr_stream_close(&stream);
    return __real_dr_client_start(client);
}
