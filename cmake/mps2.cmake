# SPDX-License-Identifier: Apache-2.0 OR MIT
# The Cortex-M3 board (boards/mps2_an385): boot ROM, test images and, where it is present, the firmware.
# Part of the mcu build. Programs become bin/NAME.elf and the raw bin/NAME.bin.
set(DR_MPS2_DIR ${CMAKE_SOURCE_DIR}/boards/mps2_an385)
find_program(DR_OBJCOPY arm-none-eabi-objcopy REQUIRED)

add_custom_target(dr_mps2_programs)
add_custom_target(dr_mps2_test_programs)

# dr_mps2_image(<name> SCRIPT <linker script> SOURCES <files> LIBS <libraries> DEFINES <macros>)
# The script goes through the preprocessor, so that it shares map.h with the C code.
function(dr_mps2_image name)
    cmake_parse_arguments(ARG "" "SCRIPT" "SOURCES;LIBS;DEFINES" ${ARGN})
    set(script ${CMAKE_BINARY_DIR}/${name}.ld)
    add_custom_command(OUTPUT ${script}
        COMMAND ${CMAKE_C_COMPILER} -E -P -undef -x c -I ${CMAKE_SOURCE_DIR} ${ARG_SCRIPT} -o ${script}
        DEPENDS ${ARG_SCRIPT} ${DR_MPS2_DIR}/map.h VERBATIM)
    add_custom_target(${name}-script DEPENDS ${script})
    add_executable(${name} ${ARG_SOURCES})
    add_dependencies(${name} ${name}-script)
    set_target_properties(${name} PROPERTIES SUFFIX .elf LINK_DEPENDS ${script})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
    target_compile_definitions(${name} PRIVATE ${ARG_DEFINES})
    target_link_libraries(${name} PRIVATE ${ARG_LIBS})
    target_link_options(${name} PRIVATE
        -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs -Wl,--gc-sections -Wl,--no-warn-rwx-segments
        -T ${script} -Wl,-Map=${CMAKE_BINARY_DIR}/${name}.map)
    add_dependencies(dr_mps2_programs ${name})
    add_custom_command(TARGET ${name} POST_BUILD
        COMMAND ${DR_OBJCOPY} -O binary $<TARGET_FILE:${name}> ${CMAKE_BINARY_DIR}/bin/${name}.bin VERBATIM)
endfunction()

file(GLOB common_sources CONFIGURE_DEPENDS ${DR_MPS2_DIR}/common/*.c)
add_library(dr_mps2_common STATIC ${common_sources} ${DR_MPS2_DIR}/handoff.c
    ${CMAKE_SOURCE_DIR}/boards/linux/wire.c ${CMAKE_SOURCE_DIR}/boards/linux/summary.c
    ${CMAKE_SOURCE_DIR}/boards/linux/bundle.c)
target_link_libraries(dr_mps2_common PUBLIC dr_device_boot dr_device_anchor dr_device_flash dr_base)

if(EXISTS ${DR_MBEDTLS_DIR}/library/sha256.c)
    set(p256 ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m/p256-m.c)
    set(p256_include ${DR_MBEDTLS_DIR}/include ${DR_MBEDTLS_DIR}/library ${DR_MBEDTLS_DIR}/3rdparty/p256-m/p256-m)
    add_library(dr_rom_primitives STATIC ${p256})
    target_include_directories(dr_rom_primitives SYSTEM PUBLIC ${p256_include})
    target_include_directories(dr_rom_primitives PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_compile_definitions(dr_rom_primitives PUBLIC MBEDTLS_CONFIG_FILE="crypto/rom_config.h")
    target_compile_options(dr_rom_primitives PRIVATE -w)

    # The boot ROM is compiled as one program (-flto) that knows its one table of primitives and its one flash, which
    # libraries made for all cannot. What it replaces by shorter files of its own: utf8.c, crc32.c, memory.c in rom/.
    file(GLOB rom_sources CONFIGURE_DEPENDS
        ${DR_MPS2_DIR}/rom/*.c ${DR_MPS2_DIR}/common/*.c ${CMAKE_SOURCE_DIR}/src/base/*.c
        ${CMAKE_SOURCE_DIR}/src/format/*.c
        ${CMAKE_SOURCE_DIR}/src/device/flash/*.c ${CMAKE_SOURCE_DIR}/src/device/anchor/*.c
        ${CMAKE_SOURCE_DIR}/src/device/slot/*.c ${CMAKE_SOURCE_DIR}/src/device/verify/*.c
        ${CMAKE_SOURCE_DIR}/src/device/boot/*.c)
    list(FILTER rom_sources EXCLUDE REGEX "/src/(format/utf8|base/crc32)\\.c$")
    # -g costs nothing in the image and lets tools/footprint say which room each byte comes from. The others are passes
    # that make this program longer; found by trying each.
    set(rom_options -Os -g -flto -fno-tree-loop-distribute-patterns -fipa-pta -fno-guess-branch-probability -fno-schedule-insns2
        -fno-move-loop-invariants -fno-reorder-blocks -fno-tree-ter
        -fno-tree-tail-merge -fno-tree-vrp -fno-tree-switch-conversion -fno-tree-copy-prop --param=fsm-scale-path-stmts=9)
    dr_mps2_image(rom-mps2 SCRIPT ${DR_MPS2_DIR}/rom/rom.ld.in
        SOURCES ${rom_sources} ${p256}
            ${CMAKE_SOURCE_DIR}/src/crypto/hash.c ${CMAKE_SOURCE_DIR}/src/crypto/rom.c
            ${CMAKE_SOURCE_DIR}/src/crypto/rom_aes.c ${CMAKE_SOURCE_DIR}/src/crypto/rom_sha256.c
            ${CMAKE_SOURCE_DIR}/boards/linux/rom/trust.c
        DEFINES MBEDTLS_CONFIG_FILE="crypto/rom_config.h" DR_CRYPTO_ONLY=dr_crypto_rom
            DR_FLASH_ONLY=dr_nor_flash_rom)
    # p256-m avoids this core's 64-bit multiplication because its time depends on the numbers. A verifier's are public.
    set_source_files_properties(${p256} PROPERTIES COMPILE_OPTIONS
        "-w;-fno-inline-small-functions;-U__ARM_ARCH_PROFILE;-DMUL64_IS_CONSTANT_TIME")
    target_include_directories(rom-mps2 SYSTEM PRIVATE ${p256_include})
    target_compile_options(rom-mps2 PRIVATE ${rom_options})
    target_link_options(rom-mps2 PRIVATE ${rom_options} -ffreestanding)
    add_dependencies(dr_mps2_test_programs rom-mps2)
endif()

foreach(name steady hang crash lockup stray install)
    if(TARGET dr_rom_primitives AND EXISTS ${DR_MPS2_DIR}/testfw/${name}.c)
        dr_mps2_image(testfw-mps2-${name} SCRIPT ${DR_MPS2_DIR}/testfw/testfw.ld.in
            SOURCES ${DR_MPS2_DIR}/testfw/${name}.c ${DR_MPS2_DIR}/testfw/testfw.c ${DR_MPS2_DIR}/testfw/start.c
                ${DR_MPS2_DIR}/rom/zeroize.c
            LIBS dr_mps2_common dr_device_boot dr_device_slot dr_crypto dr_rom_primitives dr_format)
        add_dependencies(dr_mps2_test_programs testfw-mps2-${name})
    endif()
endforeach()

include(${DR_MPS2_DIR}/firmware/firmware.cmake OPTIONAL)
