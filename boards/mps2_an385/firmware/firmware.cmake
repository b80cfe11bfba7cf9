# SPDX-License-Identifier: Apache-2.0 OR MIT
# The reference firmware of the Cortex-M3 board: FreeRTOS, lwIP and Mbed TLS from source (tools/fetch-sources --mcu).
# One source, several behaviours: all but the first exist to show that the device recovers.
set(FREERTOS_KERNEL_PATH ${CMAKE_SOURCE_DIR}/build/third-party/freertos CACHE PATH
    "FreeRTOS kernel: the folder with tasks.c. V10.4 or newer (MIT licence) is preferred; V9 is what Debian has")
set(DR_LWIP_DIR ${CMAKE_SOURCE_DIR}/build/third-party/lwip CACHE PATH "lwIP 2.2 source")
foreach(needed ${FREERTOS_KERNEL_PATH}/tasks.c ${DR_LWIP_DIR}/src/Filelists.cmake ${DR_MBEDTLS_DIR}/library/ssl_tls.c)
    if(NOT EXISTS ${needed})
        message(STATUS "${needed} not found: no firmware; run tools/fetch-sources --mcu first")
        return()
    endif()
endforeach()

execute_process(
    COMMAND git log -1 --format=%ct
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE DR_BUILD_TIME_S OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT DR_BUILD_TIME_S MATCHES "^[0-9]+$")
    set(DR_BUILD_TIME_S 0)
endif()

# Libraries of others: their warnings are theirs.
add_library(mcu_kernel STATIC
    ${FREERTOS_KERNEL_PATH}/tasks.c ${FREERTOS_KERNEL_PATH}/queue.c ${FREERTOS_KERNEL_PATH}/list.c
    ${FREERTOS_KERNEL_PATH}/portable/GCC/ARM_CM3/port.c)
target_include_directories(mcu_kernel SYSTEM PUBLIC
    ${FREERTOS_KERNEL_PATH}/include ${FREERTOS_KERNEL_PATH}/portable/GCC/ARM_CM3)
target_include_directories(mcu_kernel PUBLIC ${DR_MPS2_DIR}/port)
target_compile_options(mcu_kernel PRIVATE -w)

set(lwip_core ${DR_LWIP_DIR}/src/core)
add_library(mcu_lwip STATIC
    ${lwip_core}/init.c ${lwip_core}/def.c ${lwip_core}/inet_chksum.c ${lwip_core}/ip.c ${lwip_core}/mem.c
    ${lwip_core}/memp.c ${lwip_core}/netif.c ${lwip_core}/pbuf.c ${lwip_core}/tcp.c ${lwip_core}/tcp_in.c
    ${lwip_core}/tcp_out.c ${lwip_core}/timeouts.c ${lwip_core}/ipv4/etharp.c ${lwip_core}/ipv4/icmp.c
    ${lwip_core}/ipv4/ip4.c ${lwip_core}/ipv4/ip4_addr.c ${DR_LWIP_DIR}/src/netif/ethernet.c
    ${DR_LWIP_DIR}/src/api/tcpip.c ${DR_LWIP_DIR}/src/api/err.c)
target_include_directories(mcu_lwip SYSTEM PUBLIC ${DR_LWIP_DIR}/src/include)
target_include_directories(mcu_lwip PUBLIC ${DR_MPS2_DIR}/port)
target_compile_options(mcu_lwip PRIVATE -w)

# What every received byte goes through, and the curve, are compiled for speed; the rest for size.
file(GLOB mbedtls_sources ${DR_MBEDTLS_DIR}/library/*.c)
set(mbedtls_fast ${DR_MBEDTLS_DIR}/library/aes.c ${DR_MBEDTLS_DIR}/library/gcm.c ${DR_MBEDTLS_DIR}/library/sha256.c
    ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m/p256-m.c)
list(REMOVE_ITEM mbedtls_sources ${mbedtls_fast})
add_library(mcu_mbedtls_fast OBJECT ${mbedtls_fast})
target_include_directories(mcu_mbedtls_fast SYSTEM PRIVATE
    ${DR_MBEDTLS_DIR}/include ${DR_MBEDTLS_DIR}/library ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m)
target_include_directories(mcu_mbedtls_fast PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_definitions(mcu_mbedtls_fast PRIVATE
    MBEDTLS_CONFIG_FILE="boards/mps2_an385/port/mbedtls_config.h")
target_compile_options(mcu_mbedtls_fast PRIVATE -w -O2)
# Checking a signature touches nothing secret, so that copy of the curve may multiply as fast as the processor can; the one
# that handles keys must not: on a Cortex-M3 a long multiplication takes longer for some numbers than for others.
add_library(mcu_p256_public OBJECT ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m/p256-m.c)
target_include_directories(mcu_p256_public SYSTEM PRIVATE
    $<TARGET_PROPERTY:mcu_mbedtls_fast,INCLUDE_DIRECTORIES>)
target_compile_definitions(mcu_p256_public PRIVATE
    MBEDTLS_CONFIG_FILE="boards/mps2_an385/port/mbedtls_config.h" MUL64_IS_CONSTANT_TIME)
target_compile_options(mcu_p256_public PRIVATE -w -O2 -U__ARM_ARCH_PROFILE)
foreach(function gen_keypair ecdh_shared_secret ecdsa_sign ecdsa_verify validate_pubkey validate_privkey
        public_from_private generate_random)
    target_compile_definitions(mcu_p256_public PRIVATE p256_${function}=dr_p256_public_${function})
endforeach()
set_source_files_properties(${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m_driver_entrypoints.c
    PROPERTIES COMPILE_DEFINITIONS p256_ecdsa_verify=dr_p256_public_ecdsa_verify)
add_library(mcu_mbedtls STATIC ${mbedtls_sources}
    $<TARGET_OBJECTS:mcu_mbedtls_fast> $<TARGET_OBJECTS:mcu_p256_public>
    ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m_driver_entrypoints.c)
target_include_directories(mcu_mbedtls SYSTEM PUBLIC
    ${DR_MBEDTLS_DIR}/include ${DR_MBEDTLS_DIR}/library ${DR_MBEDTLS_DIR}/3rdparty/p256-m
    ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m)
target_include_directories(mcu_mbedtls PUBLIC ${CMAKE_SOURCE_DIR})
target_compile_definitions(mcu_mbedtls PUBLIC
    MBEDTLS_CONFIG_FILE="boards/mps2_an385/port/mbedtls_config.h")
target_compile_options(mcu_mbedtls PRIVATE -w)
# The toolchain file says -ffreestanding for the device rooms; with it gcc calls memcpy even for four bytes, which Mbed TLS
# does for every word of every block: two thirds of a download's instructions.
foreach(library mcu_mbedtls mcu_mbedtls_fast mcu_p256_public mcu_lwip)
    target_compile_options(${library} PRIVATE -fbuiltin)
endforeach()
target_compile_options(dr_mps2_common PRIVATE -fbuiltin)

add_library(mcu_crypto_psa STATIC ${CMAKE_SOURCE_DIR}/src/crypto/psa.c)
target_link_libraries(mcu_crypto_psa PUBLIC dr_crypto mcu_mbedtls)

file(GLOB port_sources CONFIGURE_DEPENDS ${DR_MPS2_DIR}/port/*.c)
add_library(mps2_firmware STATIC ${port_sources} ${CMAKE_SOURCE_DIR}/boards/mqtt.c ${CMAKE_SOURCE_DIR}/boards/mqtt_session.c
    ${CMAKE_SOURCE_DIR}/boards/provision.c
    ${DR_MPS2_DIR}/firmware/start.c ${DR_MPS2_DIR}/firmware/fault.c ${DR_MPS2_DIR}/firmware/machine.c
    ${DR_MPS2_DIR}/firmware/provision.c ${DR_MPS2_DIR}/firmware/tasks.c ${DR_MPS2_DIR}/firmware/print.c
    ${DR_MPS2_DIR}/firmware/figures.c ${DR_MPS2_DIR}/firmware/pace.c
    ${DR_MPS2_DIR}/firmware/identity_anchor.c)
target_compile_definitions(mps2_firmware PRIVATE DR_BUILD_TIME_S=${DR_BUILD_TIME_S}u)
target_link_libraries(mps2_firmware PUBLIC
    dr_mps2_common dr_device_client dr_device_app mcu_crypto_psa mcu_lwip mcu_kernel)
target_link_libraries(mcu_kernel PUBLIC mps2_firmware) # its hooks
target_compile_options(mps2_firmware PRIVATE -fbuiltin)

# dr_mps2_variant(<name> <behaviour> [files that come before the library's of the same meaning])
function(dr_mps2_variant name behaviour)
    dr_mps2_image(firmware-mps2-${name} SCRIPT ${DR_MPS2_DIR}/firmware/firmware.ld.in
        SOURCES ${DR_MPS2_DIR}/firmware/main.c ${ARGN} LIBS mps2_firmware DEFINES DR_FIRMWARE_BEHAVIOUR=${behaviour})
endfunction()

dr_mps2_variant(good DR_APP_GOOD)
dr_mps2_variant(hang DR_APP_HANG)
dr_mps2_variant(selftest DR_APP_SELF_TEST_FAILS)
dr_mps2_variant(hang-after-seal DR_APP_HANG_SEALED)
dr_mps2_variant(software-key DR_APP_GOOD ${DR_MPS2_DIR}/firmware/identity_software.c)
dr_mps2_variant(crash-confirmed DR_APP_CRASH_CONFIRMED)
dr_mps2_variant(crash-after-seal DR_APP_CRASH_SEALED)

# Images that fail, for tests: the same firmware with one function wrapped.
function(dr_mps2_faulty name function)
    string(REPLACE "-" "_" file ${name})
    dr_mps2_image(firmware-mps2-${name} SCRIPT ${DR_MPS2_DIR}/firmware/firmware.ld.in
        SOURCES ${DR_MPS2_DIR}/firmware/main.c ${DR_MPS2_DIR}/firmware/faulty/${file}.c LIBS mps2_firmware)
    target_link_options(firmware-mps2-${name} PRIVATE -Wl,--wrap=${function})
endfunction()

dr_mps2_faulty(hang-before-main main)
dr_mps2_faulty(hang-in-main dr_ethernet_start)
dr_mps2_faulty(hang-interrupts dr_app_step)
dr_mps2_faulty(hang-before-network dr_client_start)
dr_mps2_faulty(hang-in-handshake dr_anchor_sign)
dr_mps2_faulty(hang-connected dr_client_turn)
dr_mps2_faulty(hang-confirmed dr_client_turn)
dr_mps2_faulty(crash-fault dr_app_step)
dr_mps2_faulty(crash-code dr_app_step)
dr_mps2_faulty(crash-data dr_app_step)
dr_mps2_faulty(crash-stack dr_app_step)
dr_mps2_faulty(crash-assert dr_app_step)
dr_mps2_faulty(crash-early main)
dr_mps2_faulty(crash-hand-off dr_boot_info_decode)

# What bench/mps2_download.py runs: the firmware of the good image, and a plain TLS receive before it starts.
dr_mps2_variant(bench DR_APP_GOOD ${DR_MPS2_DIR}/firmware/bench/bare_tls.c)
target_link_options(firmware-mps2-bench PRIVATE -Wl,--wrap=dr_client_start -Wl,--wrap=dr_client_verify)
