"""An owned slot on a real Redis: nothing is lost and nothing counted twice, whatever Redis and other owners do."""

import itertools
import logging
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, TypeVar

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.exits import Unavailable
from schemas.moments import Calendar
from services.redis import LocalRedis
from store.layout import ACCOUNTS, Header, SlotName
from store.offsets import LogBounds
from store.redo import RedoRecord
from store.slots import Answer, SlotStore
from stream.batch import Batch
from stream.guard import Surroundings
from stream.owned import CHECKPOINT_SECONDS, IDLE_CHECK_SECONDS, SAFE_SECONDS, OwnedSlot, Parts, SlotMovedError
from stream.rejects import RejectSender
from stream.slot import SlotRules
from tests.property.generated_log import Draw, drawn, log_of
from tests.property.plain_slot import Action, Figures, LogRecord, PlainRules, PlainSlot
from tests.property.slot_owner import batch_of, slot_rules
from tests.property.stored_figures import StoredFigures
