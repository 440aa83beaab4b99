#include "CTable.h"
