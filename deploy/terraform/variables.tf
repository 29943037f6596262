variable "project" {
  description = "Project of the cluster, such as google_container_cluster.this.project."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.:-]+$", var.project))
    error_message = "The id of a project."
  }
}

variable "location" {
  description = "Region or zone of the cluster, such as google_container_cluster.this.location."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.location))
    error_message = "A region or a zone."
  }
}

variable "cluster" {
  description = "Name of the cluster, such as google_container_cluster.this.name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.cluster))
    error_message = "The name of a cluster."
  }
}

variable "fail_on" {
  description = "Findings of this severity or worse fail the apply."
  type        = string
  default     = "high"

  validation {
    condition     = contains(["critical", "high", "medium", "low", "info", "none"], var.fail_on)
    error_message = "One of critical, high, medium, low, info, none."
  }
}

variable "arguments" {
  description = "More arguments of `gke-posture audit`, each without spaces."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.arguments : can(regex("^[^[:space:]*?\\[]+$", a))])
    error_message = "The shell would split or expand an argument with a space or a wildcard."
  }
}

variable "triggers" {
  description = "The audit runs when this value changes. If null, it runs at each apply."
  type        = any
  default     = null
}

variable "tries" {
  description = "Number of attempts if the cluster could not be read."
  type        = number
  default     = 5
}

variable "wait_seconds" {
  description = "Time between two attempts, in seconds."
  type        = number
  default     = 60
}

variable "gke_posture" {
  description = "Path of the gke-posture program."
  type        = string
  default     = "gke-posture"
}
