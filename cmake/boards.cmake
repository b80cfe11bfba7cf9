# SPDX-License-Identifier: Apache-2.0 OR MIT
# The Linux board: supervisor, secure element, boot ROM and firmware are programs of their own.
add_subdirectory(${CMAKE_SOURCE_DIR}/boards/linux boards_linux)
