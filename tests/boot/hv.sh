#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PV and PVH domains through libxl: made, changed, lost, destroyed, no trace.
set -u
TOP=${TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
exec "$TOP/tests/lab/hv" -b "${BUILD:-build}"
