<?php namespace Example\Log; class Log {}
