#pragma once
#include <stdlib.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
